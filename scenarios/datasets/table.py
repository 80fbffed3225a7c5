"""Reading a .csv file of numbers, one label column and perhaps columns of natural keys."""

import csv
import math
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from privacy.errors import ScenarioError
from scenarios.datasets.archive import LARGEST_BYTES
from scenarios.datasets.dataset import Inputs

Names = npt.NDArray[np.generic]
Lines = Iterator[tuple[int, list[str]]]
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
_NO_FEATURE = "name the column in group or keys of data.dataset, or leave it out of the file"


def read_table(path: Path, named: Mapping[str, str]) -> tuple[Inputs, dict[str, Names]]:
    """float32[n, columns] of a comma-separated table, and by name the columns that are names and not features.

    `named` has for each of those the parameter that asks for it (`label`, `group`, `keys`). A column of names holds
    integers where all of them are, else text. Raises ScenarioError naming line and column.
    """
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise ScenarioError([f"{path}: the file has {size:,} bytes; at most {LARGEST_BYTES:,} are read"])
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _read(path, _lines(path, file), named)
    except UnicodeDecodeError as error:
        raise ScenarioError([f"{path}: the file is not text in UTF-8 ({error.reason})"]) from error


def _read(path: Path, lines: Lines, named: Mapping[str, str]) -> tuple[Inputs, dict[str, Names]]:
    _, header = next(lines, (1, []))
    names = [name.strip() for name in header]
    _check_header(path, names, named)
    columns = [index for index, name in enumerate(names) if name not in named]
    values, found = array("f"), {names.index(name): list[str]() for name in named}
    records = 0
    for line, cells in lines:
        if len(cells) != len(names):
            raise ScenarioError([f"{path}:{line}: {len(cells)} cells, but the header names {len(names)} columns"])
        values.extend(_number(path, line, names[index], cells[index]) for index in columns)
        for index, column in found.items():
            column.append(_name(path, line, names[index], cells[index]))
        records += 1
    inputs = np.array(values, dtype=np.float32).reshape(records, len(columns))
    return inputs, {names[index]: _typed(column) for index, column in found.items()}


def _lines(path: Path, file: TextIO) -> Lines:
    """Line numbers and cells of the lines that are not blank."""
    reader = csv.reader(file, strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise ScenarioError([f"{path}:{reader.line_num}: not comma-separated values ({error})"]) from error


def _check_header(path: Path, names: list[str], named: Mapping[str, str]) -> None:
    listed = ", ".join(f'"{name}"' for name in names) or "none"
    for wanted, parameter in named.items():
        if wanted not in names:
            raise ScenarioError(
                [f'data.dataset.{parameter}: {path} has no column "{wanted}"; the columns are {listed} (first line)']
            )
    if len(set(names)) < len(names):
        raise ScenarioError([f"{path}:1: two columns have the same name; the columns are {listed}"])
    if not set(names) - set(named):
        raise ScenarioError([f"{path}:1: there is no column to learn from; the columns are {listed}"])


def _number(path: Path, line: int, column: str, cell: str) -> float:
    try:
        value = float(_plain(cell))
    except ValueError:
        told = f'"{cell}" is not a number; {_NO_FEATURE}' if cell.strip() else "the cell is empty"
        raise ScenarioError([f'{path}:{line}: column "{column}": {told}']) from None
    if not math.isfinite(value) or abs(value) > _LARGEST_FLOAT32:
        raise ScenarioError([f'{path}:{line}: column "{column}": {cell.strip()} is not a finite float32'])
    return value


def _name(path: Path, line: int, column: str, cell: str) -> str:
    if not cell.strip():
        raise ScenarioError([f'{path}:{line}: column "{column}": the cell is empty'])
    return cell.strip()


def _typed(names: list[str]) -> Names:
    """Integers sort by value ("10" after "9"), everything else as text."""
    try:
        return np.array([int(_plain(name)) for name in names], dtype=np.int64)
    except (ValueError, OverflowError):
        return np.array(names, dtype=np.str_)


def _plain(number: str) -> str:
    """The text of a number. Raises ValueError for the underscores that only Python reads past: 1_000 may be a name."""
    if "_" in number:
        raise ValueError("no number has an underscore")
    return number
