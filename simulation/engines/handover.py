"""How workers hand over what is large: in memory that both processes map, since a pipe copies it several times."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.shared_memory import SharedMemory

from clients.rounds import Outcome

Performed = Iterable[Outcome | str]
"""What each task of a chunk came to, as it is asked for; a text says why a client failed."""

_LARGE_BYTES = 2**12
"""What is smaller travels with the rest."""

_MEMORY_FILES = "/dev/shm"
_ROOM_ELSEWHERE = 2**28


@dataclass(frozen=True)
class Laid:
    """An outcome without its large values, and where these lie: from and to which byte."""

    outcome: Outcome | str
    places: Mapping[str, tuple[int, int]]


class Blocks:
    """Memory to lend to one chunk after another, of no more than half of what there was to be had."""

    def __init__(self) -> None:
        self._room = _room()
        self._made: list[SharedMemory] = []
        self._free: list[SharedMemory] = []

    def lend(self, size: int) -> SharedMemory | None:
        """A block of at least `size` bytes; None where there is no room for another."""
        fitting = next((block for block in self._free if block.size >= size), None)
        if fitting is not None:
            self._free.remove(fitting)
            return fitting
        if not 0 < size <= self._room:
            return None
        made = SharedMemory(create=True, size=size)
        self._room -= made.size
        self._made.append(made)
        return made

    def take_back(self, block: SharedMemory | None) -> None:
        """Have a block to lend again: nobody writes to it any more, and what lay there has been picked up."""
        if block is not None:
            self._free.append(block)

    def close(self) -> None:
        """Give all memory back to the system."""
        for block in self._made:
            block.close()
            block.unlink()


def lay_down(performed: Performed, block: SharedMemory | None) -> list[Laid]:
    """Put the large values into the block, one after another; those for which there is no room stay as they are."""
    memory, found, end = _memory(block), list[Laid](), 0
    for outcome in performed:
        places: dict[str, tuple[int, int]] = {}
        fields = {} if isinstance(outcome, str) else outcome.fields
        for name, value in fields.items():
            if isinstance(value, bytes) and len(value) >= _LARGE_BYTES and end + len(value) <= len(memory):
                begin, end = end, end + len(value)
                memory[begin:end] = value
                places[name] = begin, end
        found.append(Laid(_with(outcome, dict.fromkeys(places, b"")), places))
    return found


def pick_up(laid: Sequence[Laid], block: SharedMemory | None) -> list[Outcome | str]:
    """The outcomes as they were, with copies of what lies in the block."""
    memory = _memory(block)
    return [
        _with(one.outcome, {name: bytes(memory[begin:end]) for name, (begin, end) in one.places.items()})
        for one in laid
    ]


def _memory(block: SharedMemory | None) -> memoryview:
    """The block's bytes; without a block there are none, and nothing finds room."""
    if block is None:
        return memoryview(b"")
    assert block.buf is not None  # it is None once the block is closed
    return block.buf


def _with(outcome: Outcome | str, values: Mapping[str, bytes]) -> Outcome | str:
    if isinstance(outcome, str) or not values:
        return outcome
    return replace(outcome, fields={**outcome.fields, **values})


def _room() -> int:
    """Half of what is free for shared memory; a container may have little, and to write beyond it ends the process."""
    try:
        return shutil.disk_usage(_MEMORY_FILES).free // 2
    except OSError:
        return _ROOM_ELSEWHERE
