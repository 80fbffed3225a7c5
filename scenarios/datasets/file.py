"""A person's own records: a NumPy archive (.npz) or a table (.csv), checked before anything trains on them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from privacy.errors import ScenarioError
from privacy.parameters import Parameters
from scenarios.datasets.archive import read_archive
from scenarios.datasets.dataset import Dataset, Inputs, Key, Labels
from scenarios.datasets.table import read_table
from scenarios.values import counted

FEWEST_RECORDS = 10

_USES = {"x": "the records", "y": "the label", "label": "the label", "group": "the group", "keys": "a key"}

Name = Annotated[str, Field(min_length=1, description="the name of a column or an array")]


class FileDataset(Parameters):
    """`dataset = { kind = "file", path = "wards.csv", label = "outcome", group = "ward", keys = ["month"] }`.

    A .npz file holds `x` (tables [n, columns]; images [n, height, width] or [n, channels, height, width], either
    uint8 or floating point in 0..1), `y` [n] and, if the records have natural groups, `group` [n]. A .csv file has a
    header line, numeric columns, the column named by `label`, and the ones named by `group` and `keys` if there are
    any. The data set's keys have the names of their arrays or columns, `group` first.
    A relative path starts from the scenario file's folder, on the command line from the current one.

    Columns of a table are used as they are: scaling them by their own statistics would release those statistics.
    `docs/own-data.md` says how to scale them beforehand.
    The names of the classes are taken from the records and count as public.
    """

    kind: Literal["file"] = "file"
    path: str
    """The file, ending in .npz or .csv."""
    label: str = "label"
    """The column of a .csv file that is the label; not for a .npz file, where that is the array `y`."""
    group: str = ""
    """The column of a .csv file that says whose a record is; not for a .npz file, which may have an array `group`."""
    keys: tuple[Name, ...] = Field(default=(), strict=False)
    """Further columns or arrays of integers or text that group the records and are no features."""

    def load(self) -> Dataset:
        """Read and check the file. Raises ScenarioError saying what is wrong, where, and what is valid."""
        path = Path(self.path).expanduser()
        if path.suffix.lower() not in (".npz", ".csv"):
            raise ScenarioError([f'data.dataset.path: "{self.path}" must end in .npz or .csv'])
        if not os.path.isfile(path):  # which is False, and no error, for a name that cannot be
            raise ScenarioError([f'data.dataset.path: there is no file "{self.path}"'])
        try:
            records = self._read(path)
        except OSError as error:
            raise ScenarioError([f'data.dataset.path: "{self.path}" cannot be read: {error.strerror}']) from error
        return _dataset(self.path, records)

    def _read(self, path: Path) -> "_Records":
        if path.suffix.lower() == ".csv":
            group = [("group", self.group)] if self.group else []
            inputs, names = read_table(path, self._named("column", [("label", self.label), *group]))
            return _Records(inputs, names.pop(self.label), names)
        self._require_no_columns()
        self._named("array", [("x", "x"), ("y", "y")])
        arrays = read_archive(path, required=("x", "y", *self.keys), optional=("group",))
        keys = {name: arrays[name] for name in ("group", *self.keys) if name in arrays}
        return _Records(_inputs(self.path, arrays["x"]), arrays["y"], keys)

    def _require_no_columns(self) -> None:
        """Raise ScenarioError where `label` or `group` names a column, which a .npz file does not have."""
        unused = [
            f'data.dataset.{key}: "{given}" would do nothing: {key} names a column of a .csv file, in a .npz file '
            f"{fixed}; leave it out, or name further arrays in keys"
            for key, given, default, fixed in (
                ("label", self.label, "label", "the labels are the array y"),
                ("group", self.group, "", "the groups are the array group"),
            )
            if given != default
        ]
        if unused:
            raise ScenarioError(unused)

    def _named(self, noun: str, others: Sequence[tuple[str, str]]) -> dict[str, str]:
        """The parameter that names each array or column, `keys` last. Raises ScenarioError for two uses of one."""
        named: dict[str, str] = {}
        for parameter, name in (*others, *(("keys", name) for name in self.keys)):
            if name in named:
                use = _USES[named[name]]
                raise ScenarioError([f'data.dataset.{parameter}: "{name}" is already {use}; name another {noun}'])
            named[name] = parameter
        return named

    def stamp(self) -> tuple[int, int] | None:
        """Modification time in ns and size in bytes, by which a changed file is noticed; None without a file."""
        try:
            status = Path(self.path).expanduser().stat()
        except (OSError, ValueError):
            return None
        return status.st_mtime_ns, status.st_size


@dataclass(frozen=True)
class _Records:
    inputs: Inputs
    labels: npt.NDArray[np.generic]
    keys: Mapping[str, npt.NDArray[np.generic]]


def _dataset(path: str, records: _Records) -> Dataset:
    lengths = {"x": len(records.inputs)}
    for name, array in (("y", records.labels), *records.keys.items()):
        if array.ndim != 1:
            raise ScenarioError([f"{path}: {name} must have one dimension, not the shape {array.shape}"])
        lengths[name] = len(array)
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ScenarioError([f"{path}: every record needs one entry in each array, but {told}"])
    if len(records.inputs) < FEWEST_RECORDS:
        raise ScenarioError([f"{path}: {counted(len(records.inputs), 'record')}; at least {FEWEST_RECORDS} are needed"])
    classes, labels = _indexed(path, "y", records.labels)
    if len(classes) < 2:
        raise ScenarioError([f'{path}: every record has the label "{classes[0]}"; at least two classes are needed'])
    return Dataset(
        inputs=records.inputs,
        labels=labels,
        classes=classes,
        keys={name: _key(path, name, values) for name, values in records.keys.items()},
        source=f"the file {Path(path).name}",
        licence="as its owner says",
    )


def _key(path: str, name: str, values: npt.NDArray[np.generic]) -> Key:
    names, index = _indexed(path, name, values)
    return Key(index, names)


def _inputs(path: str, values: npt.NDArray[np.generic]) -> Inputs:
    """float32[n, columns] or float32[n, channels, height, width] of what stands in the file."""
    if values.dtype.kind not in "buif":
        raise ScenarioError([f"{path}: x must hold numbers, not {values.dtype}"])
    if values.ndim not in (2, 3, 4) or 0 in values.shape[1:]:
        raise ScenarioError(
            [
                f"{path}: x has the shape {values.shape}; valid are [n, columns], [n, height, width] "
                "and [n, channels, height, width]"
            ]
        )
    with np.errstate(over="ignore"):
        inputs = values.astype(np.float32)
    finite = np.isfinite(inputs).all(axis=tuple(range(1, inputs.ndim)))
    if not finite.all():
        record = finite.argmin()
        raise ScenarioError([f"{path}: x holds NaN, infinity or more than float32 can, first in record {record}"])
    if inputs.ndim == 2:
        return inputs
    if values.dtype == np.uint8:
        inputs /= np.float32(255)
    elif inputs.size and (inputs.min() < 0 or inputs.max() > 1):
        raise ScenarioError(
            [f"{path}: pixels lie in {inputs.min():g}..{inputs.max():g}; valid are uint8, or floating point in 0..1"]
        )
    return inputs[:, None] if inputs.ndim == 3 else inputs


def _indexed(path: str, name: str, values: npt.NDArray[np.generic]) -> tuple[tuple[str, ...], Labels]:
    """The distinct values as text, in order, and each record's index into them."""
    if values.dtype.kind not in "buifU":
        raise ScenarioError([f"{path}: {name} must hold integers or text, not {values.dtype}"])
    if values.dtype.kind == "f":
        numbers = values.astype(np.float64)
        whole = (np.abs(numbers) < 2.0**63) & (numbers == np.round(numbers))  # which NaN and infinity are not
        if not whole.all():
            raise ScenarioError(
                [f"{path}: {name} must hold integers or text; record {whole.argmin()} has {numbers[whole.argmin()]}"]
            )
    distinct, index = np.unique(values, return_inverse=True)
    if distinct.dtype.kind == "f":
        distinct = distinct.astype(np.int64)
    return tuple(str(value) for value in distinct), index.astype(np.int64)
