"""Checkpoints: all that a run is after a round, so that it can go on to the same bits after a kill at any moment."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from safetensors.numpy import load_file, save

from server.rounds.state import Array, model_sha256
from server.run_directory.files import sync_folder, write_bytes, write_through
from server.run_directory.journal import Line, link

ClientState = Mapping[str, int | float | str | bytes]

_FILE = re.compile(r"round-\d{6,}\.safetensors")
_STATE = "state"
_SHORT = 64
"""Bytes of a memory that stand in the file itself."""


@runtime_checkable
class HoldsClients(Protocol):
    """A Grid whose clients live in this process, so that their memories can be kept and given back."""

    def memories(self) -> dict[int, ClientState]:
        """The memory of each client, by client: the same object as long as it is the same memory."""

    def restore(self, memories: Mapping[int, ClientState]) -> None:
        """Give each client its memory back."""


@dataclass(frozen=True)
class Checkpoint:
    """A run after `round` rounds. `arrays` are those of `State.to_arrays`. `line` is the journal's of that round,
    written after the checkpoint is safe: a resumed run appends it if the kill came in between.
    """

    round: int
    arrays: Mapping[str, Array]
    material: bytes
    line: Line
    memories: Mapping[int, ClientState]


class Checkpoints:
    """The checkpoints of a run in their folder: each a file whose array "state" is JSON, beside those of `arrays`.

    What is large and the same for many, as an encryption context is, lies in `blobs` once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._blobs = folder / "blobs"
        self._known: dict[int, tuple[ClientState, str]] = {}

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint whole, then drop the ones before it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds the clients' secrets
        self._blobs.mkdir(exist_ok=True)
        state = self._state(checkpoint).encode()
        arrays = {name: np.ascontiguousarray(array) for name, array in checkpoint.arrays.items()}
        target = self._folder / f"round-{checkpoint.round:06d}.safetensors"
        fresh = self._folder / f".fresh{target.suffix}"
        try:
            write_through(fresh, save({**arrays, _STATE: np.frombuffer(state, np.uint8)}))
            fresh.replace(target)
        except OSError:
            fresh.unlink(missing_ok=True)  # on a disk that is full, the manifest needs the room
            raise
        sync_folder(self._folder)
        for older in self._files():
            if older.name < target.name:
                older.unlink(missing_ok=True)

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint, or None before the first round has ended.

        Raises ValueError, with the file, for one that is damaged, or that is not what its line of the journal says.
        """
        files = self._files()
        if not files:
            return None
        try:
            found = self._read(files[-1])
        except Exception as error:
            raise ValueError(f"{files[-1]}: is damaged, or not of this run ({error})") from error
        return found

    def _files(self) -> list[Path]:
        """By round; nothing that a person may have put beside them."""
        return sorted(path for path in self._folder.glob("round-*") if _FILE.fullmatch(path.name))

    def _read(self, file: Path) -> Checkpoint:
        if not file.is_file():
            raise ValueError("no regular file")
        arrays = load_file(file)
        state = json.loads(arrays.pop(_STATE).tobytes())
        found = Checkpoint(
            round=state["round"],
            arrays=arrays,
            material=self._blob(state["material"]),
            line=Line(**state["line"]),
            memories={
                int(client): {name: self._decode(value) for name, value in memory.items()}
                for client, memory in state["memories"].items()
            },
        )
        record = found.line.record
        content = {key: value for key, value in record.items() if key not in ("previous", "hash")}
        if link(record["previous"], content) != found.line or record["round"] != found.round:
            raise ValueError("it holds another round than its line")
        model = model_sha256(arrays["parameters"])
        if record.get("model_sha256", model) != model:
            raise ValueError("it holds another model than its line")
        return found

    def _state(self, checkpoint: Checkpoint) -> str:
        line, material = asdict(checkpoint.line), self._intern(checkpoint.material)
        head = json.dumps({"round": checkpoint.round, "line": line, "material": material})
        memories = ",".join(f'"{client}":{self._words(client, own)}' for client, own in checkpoint.memories.items())
        return f'{head[:-1]},"memories":{{{memories}}}}}'

    def _words(self, client: int, memory: ClientState) -> str:
        """A client's memory as JSON, put into words anew only where it is another: most clients sit most rounds out."""
        before, words = self._known.get(client, (None, ""))
        if memory is not before:
            words = json.dumps({name: self._encode(value) for name, value in memory.items()}, allow_nan=False)
            self._known[client] = memory, words
        return words

    def _encode(self, value: int | float | str | bytes) -> object:
        if not isinstance(value, bytes):
            return value
        if len(value) <= _SHORT:
            return {"base64": base64.b64encode(value).decode()}
        return {"blob": self._intern(value)}

    def _decode(self, value: object) -> int | float | str | bytes:
        if isinstance(value, dict):
            return self._blob(value["blob"]) if "blob" in value else base64.b64decode(value["base64"])
        assert isinstance(value, int | float | str)
        return value

    def _intern(self, content: bytes) -> str:
        """Keep equal bytes once: every client remembers the same encryption context, and it does not change."""
        name = hashlib.sha256(content).hexdigest()
        if not (self._blobs / name).exists():
            write_bytes(self._blobs / name, content)
        return name

    def _blob(self, name: str) -> bytes:
        content = (self._blobs / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != name:
            raise ValueError(f"{self._blobs / name} was changed")
        return content
