"""What a data set is to the rest of the project: arrays, names, and where they come from."""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Inputs = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Key:
    """A natural grouping of records (by hospital, by month): `values` is int64[n], read-only, indices into `names`."""

    values: Labels
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        self.values.setflags(write=False)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Records with labels and, where the data have them, natural keys by name; the first key is the default one.

    `inputs` is float32[n, channels, height, width] in 0..1 for images and float32[n, columns] for tables; `labels` is
    int64[n], indices into `classes`. All arrays are read-only, because a data set is loaded once and shared.
    """

    inputs: Inputs
    labels: Labels
    classes: tuple[str, ...]
    keys: Mapping[str, Key]
    source: str
    licence: str

    def __post_init__(self) -> None:
        for array in (self.inputs, self.labels):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one record."""
        return self.inputs.shape[1:]

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 in hex over the records, labels, keys and all names; not over the source's description.

        Taken once: nothing it is over can be written to.
        """
        names = [(name, key.names) for name, key in self.keys.items()]
        digest = hashlib.sha256(repr((self.inputs.shape, self.classes, names)).encode())
        for array in (self.inputs, self.labels, *(key.values for key in self.keys.values())):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()
