"""Worker processes for training and encrypting: TenSEAL holds the interpreter's lock, and torch gets one thread."""

import collections
import functools
import itertools
import logging
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory

import numpy as np

from clients import rounds
from clients.rounds import Arrays, Outcome
from clients.tasks import Task
from privacy import envelopes
from privacy.view import Vector
from simulation.engines import handover
from simulation.engines.handover import Blocks, Laid, Performed
from simulation.engines.processes import end_with_parent, fork_server, use_one_thread

_logger = logging.getLogger(__name__)

_AHEAD = 2


class Workers:
    """`count` processes; with one, and until they have started, this process does the work itself.

    What the server sends to all lies in memory that all of them map, written once a round; data sets are mapped or
    loaded once a process. What travels is a client's plan and its keys; its protected update is handed over in memory
    that both processes map.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._starting = _in_background(count) if count > 1 else None
        self._model: SharedMemory | None = None
        self._blocks = Blocks()

    def close(self) -> None:
        """End the processes and give the shared memory back."""
        if self._starting is not None and self._starting.exception() is None:
            self._starting.result().shutdown(wait=True, cancel_futures=True)
        if self._model is not None:
            self._model.close()
            self._model.unlink()
        self._blocks.close()

    def perform(self, chunks: Sequence[Sequence[Task]], arrays: Arrays) -> Iterator[Performed]:
        """Yield each chunk's outcomes in the order of the chunks; only so many are under way that few lie waiting."""
        shared, waiting = None, collections.deque[_Given]()
        for chunk in chunks:
            pool = self._started()
            if pool is None:
                yield _perform(chunk, arrays)
                continue
            shared = shared or self._shared(arrays)
            if len(waiting) == _AHEAD * self._count:
                yield self._received(waiting.popleft())
            block = self._blocks.lend(rounds.upload_bytes(chunk, arrays))
            given = pool.submit(_perform_shared, chunk, shared, None if block is None else block.name)
            waiting.append(_Given(chunk, block, given))
        while waiting:
            yield self._received(waiting.popleft())

    def _received(self, given: "_Given") -> Performed:
        """What a worker made of a chunk; what it sealed needs no second look, as if it had been sealed here."""
        outcomes = handover.pick_up(given.laid.result(), given.block)
        self._blocks.take_back(given.block)
        for task, outcome in zip(given.tasks, outcomes, strict=True):
            envelope = outcome.fields.get("envelope") if isinstance(outcome, Outcome) else None
            if isinstance(envelope, bytes):
                envelopes.vouch(envelope, task.secrets["signing_key"])
        return outcomes

    def _started(self) -> ProcessPoolExecutor | None:
        """The processes, once they are there."""
        return self._starting.result() if self._starting is not None and self._starting.done() else None

    def _shared(self, arrays: Arrays) -> "_Shared":
        sizes = {name: len(array) for name, array in arrays.items()}
        needed = 4 * sum(sizes.values())
        if self._model is not None and self._model.size < needed:
            self._model.close()
            self._model.unlink()
            self._model = None
        if self._model is None:
            self._model = SharedMemory(create=True, size=max(1, needed))
        for name, view in _views(self._model, sizes).items():
            view[:] = arrays[name]
        return _Shared(self._model.name, sizes)


@dataclass(frozen=True)
class _Given:
    """A chunk that a worker has, and the memory in which it will lay down what is large."""

    tasks: Sequence[Task]
    block: SharedMemory | None
    laid: Future[list[Laid]]


@dataclass(frozen=True)
class _Shared:
    """Where the round's arrays lie: the memory's name, and how many float32 each has, one after another."""

    name: str
    sizes: Mapping[str, int]


def _perform(tasks: Sequence[Task], arrays: Arrays) -> Performed:
    """All tasks at once; where that fails, those left one after another, so that only the clients at fault fail."""
    done = 0
    try:
        for outcome in rounds.perform(tasks, arrays):
            yield outcome
            done += 1
    except Exception as error:  # noqa: BLE001 - whatever a client raises is that client's failure alone
        if len(tasks) == 1:
            yield failure_of(error)
            return
        _logger.warning("%d clients could not train together, and train one after another: %r", len(tasks), error)
        for task in tasks[done:]:
            yield from _perform([task], arrays)


def _perform_shared(tasks: Sequence[Task], shared: _Shared, block: str | None) -> list[Laid]:
    arrays = _views(_mapped(shared.name), shared.sizes)
    for array in arrays.values():
        array.setflags(write=False)
    return handover.lay_down(_perform(tasks, arrays), None if block is None else _mapped(block))


def _views(memory: SharedMemory, sizes: Mapping[str, int]) -> dict[str, Vector]:
    assert memory.buf is not None
    ends = itertools.accumulate(sizes.values(), initial=0)
    return {
        name: np.frombuffer(memory.buf, np.float32, size, offset=4 * begin)
        for (name, size), begin in zip(sizes.items(), ends, strict=False)
    }


@functools.lru_cache(maxsize=64)
def _mapped(name: str) -> SharedMemory:
    return SharedMemory(name)


def _in_background(count: int) -> Future[ProcessPoolExecutor]:
    """Start the processes in a thread: whoever starts one waits until the fork server has imported all it needs."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="workers")
    starting = thread.submit(_start, count)
    thread.shutdown(wait=False)
    return starting


def _start(count: int) -> ProcessPoolExecutor:
    pool = ProcessPoolExecutor(count, mp_context=fork_server("simulation.engines.workers"), initializer=_begin)
    pool.submit(os.getpid).result()  # the pool starts its processes with the first thing to do
    return pool


def failure_of(error: Exception) -> str:
    """What a client that raised says in its error reply."""
    return "".join(traceback.format_exception_only(error)).strip()


def _begin() -> None:
    use_one_thread()
    end_with_parent()
