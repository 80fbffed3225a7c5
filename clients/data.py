"""A client's own records, as the features its model takes."""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scenarios.shares import division_of

from scenarios import datasets, models
from scenarios.schema import Scenario


@dataclass(frozen=True)
class Share:
    """One client's records: features float32[n, ...], labels int64[n], and the number of classes there are."""

    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    classes: int


def share(scenario: Scenario, client: int) -> Share:
    """The records of one client. The whole data set's features are resident once a process."""
    dataset = datasets.load(scenario.data.dataset)
    indices = division_of(scenario).train[client]
    return Share(_features(scenario)[indices], dataset.labels[indices], len(dataset.classes))


@functools.lru_cache(maxsize=2)
def _features(scenario: Scenario) -> npt.NDArray[np.float32]:
    return models.prepared(scenario.model, datasets.load(scenario.data.dataset))
