"""The whole data set, as the features a scenario's model takes, and which records of it are whose."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scenarios.plans import scenario_of
from scenarios.records import features_of, records_of


@dataclass(frozen=True)
class Resident:
    """Features float32[N, ...] and labels int64[N] of all records, loaded once a process and never copied.

    `records[client]` int64[n] are a client's own; `classes` says how many classes there are.
    """

    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    records: Sequence[npt.NDArray[np.int64]]
    classes: int


@functools.lru_cache(maxsize=2)
def resident(scenario: str) -> Resident:
    """The data of a scenario, given as the JSON that every plan of a run carries."""
    parsed = scenario_of(scenario)
    records = records_of(parsed)
    dataset = records.dataset
    return Resident(features_of(parsed), dataset.labels, records.division.train, len(dataset.classes))
