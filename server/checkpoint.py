"""Checkpoints: all that a run is after a round, so that it can go on to the same bits after a kill at any moment."""

import base64
import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from safetensors.numpy import load_file, save

from server.directory import sync_folder, write_bytes, write_through
from server.journal import Record
from server.state import Array

ClientState = Mapping[str, int | float | str | bytes]


@runtime_checkable
class HoldsClients(Protocol):
    """A Grid whose clients live in this process, so that their memories can be kept and given back."""

    def memories(self) -> dict[int, ClientState]:
        """The memory of each client, by client."""

    def restore(self, memories: Mapping[int, ClientState]) -> None:
        """Give each client its memory back."""


@dataclass(frozen=True)
class Checkpoint:
    """A run after `round` rounds. `arrays` are those of `State.to_arrays`. `line` is the journal's record of that
    round, written after the checkpoint is safe: a resumed run appends it if the kill came in between.
    """

    round: int
    arrays: Mapping[str, Array]
    material: bytes
    line: Record
    memories: Mapping[int, ClientState]


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint whole, then drop the ones before it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds the clients' secrets
    blobs = folder / "blobs"
    blobs.mkdir(exist_ok=True)
    state = {
        "round": checkpoint.round,
        "line": checkpoint.line,
        "material": _intern(blobs, checkpoint.material),
        "memories": {
            str(client): {name: _encode(blobs, value) for name, value in memory.items()}
            for client, memory in checkpoint.memories.items()
        },
    }
    target = folder / f"round-{checkpoint.round:06d}"
    fresh = folder / f".{target.name}"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    write_through(
        fresh / "arrays.safetensors",
        save({name: np.ascontiguousarray(array) for name, array in checkpoint.arrays.items()}),
    )
    write_through(fresh / "state.json", json.dumps(state, allow_nan=False).encode())
    sync_folder(fresh)
    fresh.replace(target)
    sync_folder(folder)
    for older in folder.glob("round-*"):
        if older.name < target.name:
            shutil.rmtree(older, ignore_errors=True)


def newest(folder: Path) -> Checkpoint | None:
    """The newest whole checkpoint, or None before the first round has ended."""
    found = sorted(folder.glob("round-*"))
    if not found:
        return None
    state = json.loads((found[-1] / "state.json").read_text(encoding="utf-8"))
    blobs = folder / "blobs"
    return Checkpoint(
        round=int(state["round"]),
        arrays=load_file(found[-1] / "arrays.safetensors"),
        material=(blobs / state["material"]).read_bytes(),
        line=state["line"],
        memories={
            int(client): {name: _decode(blobs, value) for name, value in memory.items()}
            for client, memory in state["memories"].items()
        },
    )


def _encode(blobs: Path, value: int | float | str | bytes) -> object:
    if not isinstance(value, bytes):
        return value
    if len(value) <= 64:
        return {"base64": base64.b64encode(value).decode()}
    return {"blob": _intern(blobs, value)}


def _decode(blobs: Path, value: object) -> int | float | str | bytes:
    if isinstance(value, dict):
        return (blobs / value["blob"]).read_bytes() if "blob" in value else base64.b64decode(value["base64"])
    assert isinstance(value, int | float | str)
    return value


def _intern(blobs: Path, content: bytes) -> str:
    """Keep equal bytes once: every client remembers the same encryption context, and it does not change."""
    name = hashlib.sha256(content).hexdigest()
    if not (blobs / name).exists():
        write_bytes(blobs / name, content)
    return name
