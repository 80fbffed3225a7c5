"""Reading arrays out of a .npz file that may be damaged or hostile: no pickle, no surprises of size."""

import math
import sys
import tokenize
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

_LISTED = 20
_WORDS = 120

_NO_ARCHIVE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, UnicodeDecodeError, OverflowError)
"""What `zipfile` raises of bytes: it is no archive, its content is damaged or short, encrypted (or of a kind it does
not know: NotImplementedError is a RuntimeError), its names are no text, its offsets are beyond all files."""

_NO_HEADER = (ValueError, TypeError, SyntaxError, tokenize.TokenError, OverflowError, RecursionError, MemoryError)
"""What NumPy raises of a header: it is read as a Python literal, so also whatever `ast` and `tokenize` raise, which
call brackets or signs that are nested too deeply a MemoryError. A header has at most 10,000 bytes."""


def read_archive(path: Path, required: Sequence[str], optional: Sequence[str]) -> dict[str, Array]:
    """The named arrays of a .npz file. Raises ScenarioError where the file cannot be what it should be.

    Sizes are checked on the headers before anything is unpacked, so a small file cannot fill the memory.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            present = _members(path, archive)
            missing = [name for name in required if name not in present]
            if missing:
                raise ScenarioError(
                    [f"{path}: there is no array {_listed(missing)}; the file holds {_listed([*present]) or 'none'}"]
                )
            wanted = [name for name in (*required, *optional) if name in present]
            return {name: _read(path, archive, present[name], name) for name in wanted}
    except _NO_ARCHIVE as error:
        raise ScenarioError([f"{path}: the file is damaged or no .npz archive ({_told(error)})"]) from error


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    present = dict[str, zipfile.ZipInfo]()
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in present:
            raise ScenarioError([f'{path}: two arrays are called "{name}"; give each a name of its own'])
        present[name] = info
    return present


def _read(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Array:
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ScenarioError([f"{path}: {name} is compressed as NumPy never does; write it with np.savez_compressed"])
    with archive.open(info) as member:
        shape, dtype = _header(path, member, name)
    if dtype.hasobject:
        raise ScenarioError([f"{path}: {name} holds Python objects, which are never loaded; save numbers or text"])
    count = math.prod(shape)
    stored = count * dtype.itemsize
    if max(stored, count * 4) > LARGEST_BYTES:
        raise ScenarioError(
            [f"{path}: {name} would take {max(stored, count * 4):,} bytes; at most {LARGEST_BYTES:,} are read"]
        )
    if stored > info.file_size:
        raise ScenarioError([f"{path}: {name} is no NumPy array (it ends before its {count:,} values do)"])
    try:
        with archive.open(info) as member:
            loaded: Array = npy.read_array(member, allow_pickle=False)
    except ValueError as error:
        raise ScenarioError([f"{path}: {name} is no NumPy array ({_told(error)})"]) from error
    if not _is_text(loaded):
        raise ScenarioError([f"{path}: {name} holds text with characters that are none"])
    return loaded


def _header(path: Path, member: IO[bytes], name: str) -> tuple[tuple[int, ...], "np.dtype[np.generic]"]:
    try:
        shape, dtype = _parsed(member)
    except _NO_HEADER as error:
        reason = _told(error) if isinstance(error, ValueError) else "its header describes none"
        raise ScenarioError([f"{path}: {name} is no NumPy array ({reason})"]) from error
    # NumPy takes True for a length, and counts with 64 bits what lengths beside a zero would come to.
    if not all(type(length) is int and 0 <= length <= sys.maxsize for length in shape):
        raise ScenarioError([f"{path}: {name} is no NumPy array (no array has the shape {_told(shape)})"])
    return shape, dtype


def _parsed(member: IO[bytes]) -> tuple[tuple[int, ...], "np.dtype[np.generic]"]:
    version = npy.read_magic(member)
    if version == (1, 0):
        shape, _, dtype = npy.read_array_header_1_0(member)
    elif version == (2, 0):
        shape, _, dtype = npy.read_array_header_2_0(member)
    else:
        raise ValueError(f"NumPy's format {version[0]}.{version[1]} is not read here")
    return shape, dtype


def _is_text(array: Array) -> bool:
    """Whether an array of text holds nothing but characters; NumPy takes any four bytes for one. True of numbers."""
    if array.dtype.kind != "U" or not array.dtype.itemsize:
        return True
    codes = np.ascontiguousarray(array, array.dtype.newbyteorder("=")).view(np.uint32)
    return not bool(((codes > sys.maxunicode) | ((codes >= 0xD800) & (codes < 0xE000))).any())


def _told(what: object) -> str:
    """An error's words or a header's shape in one line of moderate length, however long the file made it."""
    try:
        words = " ".join(str(what).split()) or type(what).__name__
    except ValueError:  # a number of more digits than Python puts into words
        return "a number beyond all measure"
    return words if len(words) <= _WORDS else f"{words[:_WORDS]}..."


def _listed(names: Sequence[str]) -> str:
    more = [f"{len(names) - _LISTED} more"] if len(names) > _LISTED else []
    return ", ".join([*(f'"{name}"' for name in names[:_LISTED]), *more])
