"""Reading arrays out of a .npz file that may be damaged or hostile: no pickle, no surprises of size."""

import math
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from privacy.errors import ScenarioError

LARGEST_BYTES = 2 * 1024**3
"""The cap on each array, both as stored and as the float32 it becomes."""

Array = npt.NDArray[np.generic]


def read_archive(path: Path, required: Sequence[str], optional: Sequence[str]) -> dict[str, Array]:
    """The named arrays of a .npz file. Raises ScenarioError where the file cannot be what it should be.

    Sizes are checked on the headers before anything is unpacked, so a small file cannot fill the memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            present = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            missing = [name for name in required if name not in present]
            if missing:
                raise ScenarioError(
                    [f"{path}: there is no array {_listed(missing)}; the file holds {_listed(present) or 'none'}"]
                )
            wanted = [name for name in (*required, *optional) if name in present]
            return {name: _read(path, archive, present[name], name) for name in wanted}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ScenarioError([f"{path}: the file is damaged or no .npz archive ({error})"]) from error


def _read(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Array:
    try:
        with archive.open(info) as member:
            shape, dtype = _header(member)
        if dtype.hasobject:
            raise ScenarioError([f"{path}: {name} holds Python objects, which are never loaded; save numbers or text"])
        count = math.prod(shape)
        stored = count * dtype.itemsize
        if max(stored, count * 4) > LARGEST_BYTES:
            raise ScenarioError(
                [f"{path}: {name} would take {max(stored, count * 4):,} bytes; at most {LARGEST_BYTES:,} are read"]
            )
        if stored > info.file_size:
            raise ValueError(f"it ends before its {count:,} values do")
        with archive.open(info) as member:
            loaded: Array = npy.read_array(member, allow_pickle=False)
    except (ValueError, UnicodeError) as error:
        raise ScenarioError([f"{path}: {name} is no NumPy array ({error})"]) from error
    return loaded


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], "np.dtype[np.generic]"]:
    version = npy.read_magic(member)
    if version == (1, 0):
        shape, _, dtype = npy.read_array_header_1_0(member)
    elif version == (2, 0):
        shape, _, dtype = npy.read_array_header_2_0(member)
    else:
        raise ValueError(f"NumPy's format {version[0]}.{version[1]} is not read here")
    return shape, dtype


def _listed(names: Sequence[str] | dict[str, zipfile.ZipInfo]) -> str:
    return ", ".join(f'"{name}"' for name in names)
