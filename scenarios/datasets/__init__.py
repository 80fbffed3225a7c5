"""Data sets by name: each kind is one file with its parameters and its `load`."""

import functools
from typing import Annotated

from pydantic import Field

from privacy.parameters import Named
from scenarios.datasets.dataset import Dataset, Key
from scenarios.datasets.digits import Digits
from scenarios.datasets.file import FileDataset
from scenarios.datasets.heart_disease import HeartDisease
from scenarios.datasets.mnist5k import Mnist5k
from scenarios.datasets.nycflights import NycFlights

__all__ = [
    "Dataset",
    "DatasetParameters",
    "Digits",
    "FileDataset",
    "HeartDisease",
    "Key",
    "Mnist5k",
    "NycFlights",
    "load",
]


AnyDataset = Digits | Mnist5k | HeartDisease | NycFlights | FileDataset
DatasetParameters = Annotated[AnyDataset, Field(discriminator="kind"), Named]


def load(parameters: AnyDataset) -> Dataset:
    """The data set, read once a process; a file is read again when it has changed.

    Raises ScenarioError for a file that cannot be used.
    """
    return _load(parameters, parameters.stamp() if isinstance(parameters, FileDataset) else None)


@functools.lru_cache(maxsize=4)
def _load(parameters: AnyDataset, stamp: tuple[int, int] | None) -> Dataset:
    return parameters.load()
