"""A small cache on disk for arrays that are slow to compute: decoded images, fixed features.

The cache only ever saves time. Whatever is wrong with it (a full disk, a damaged file, a folder that others can
write to), the array is computed again and the run goes on.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar, cast

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)
_DIGEST_BYTES = 32


def recall(key: str, compute: Callable[[], npt.NDArray[Scalar]]) -> npt.NDArray[Scalar]:
    """The array known under `key`, read-only; computed and kept where it is not there yet.

    `key` must name everything the array depends on, versions included. A kept array is mapped from disk, never
    unpickled. Safe between processes: a file appears whole or not at all.
    """
    folder = _folder()
    if folder is None:
        return _read_only(compute())
    path = folder / f"{hashlib.sha256(key.encode()).hexdigest()}.npy"
    kept = _load(path)
    if kept is not None:
        return cast("npt.NDArray[Scalar]", kept)
    array = np.ascontiguousarray(compute())
    _keep(path, array)
    return _read_only(array)


def _folder() -> Path | None:
    """This user's own folder, or None where there is none to be trusted."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    try:
        # The XDG specification says that a relative path is to be ignored.
        root = Path(configured) if os.path.isabs(configured) else Path.home() / ".cache"
        folder = root / "fedcrucible"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except (OSError, RuntimeError):
        return None
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return None if others_write or status.st_uid != os.getuid() else folder


def _load(path: Path) -> npt.NDArray[np.generic] | None:
    try:
        if not _intact(path):
            return None
        loaded: npt.NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return loaded


def _intact(path: Path) -> bool:
    """Whether the digest behind the array still fits: a flipped bit would silently change every result."""
    with path.open("rb") as file:
        remaining = path.stat().st_size - _DIGEST_BYTES
        digest = hashlib.sha256()
        while remaining > 0 and (block := file.read(min(1 << 20, remaining))):
            digest.update(block)
            remaining -= len(block)
        return file.read() == digest.digest()


def _keep(path: Path, array: npt.NDArray[np.generic]) -> None:
    with contextlib.suppress(OSError):
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                hashing = _Hashing(file)
                np.lib.format.write_array(hashing, array, allow_pickle=False)
                file.write(hashing.digest.digest())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


class _Hashing:
    """A file to write to that keeps the SHA-256 of what went through it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def write(self, block: bytes) -> int:
        self.digest.update(block)
        return self.file.write(block)


def _read_only(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    array.setflags(write=False)
    return array
