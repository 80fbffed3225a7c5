"""A scenario's records: loaded, divided and turned into features once a process, whoever asks."""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scenarios import datasets
from scenarios.datasets.dataset import Dataset
from scenarios.division import Division, divide
from scenarios.schema import Scenario


@dataclass(frozen=True)
class Records:
    """The data set of a scenario and which record is whose."""

    dataset: Dataset
    division: Division


@functools.lru_cache(maxsize=4)
def records_of(scenario: Scenario) -> Records:
    """Load and divide. Raises ScenarioError for data or a partition that cannot work."""
    dataset = datasets.load(scenario.data.dataset)
    data, clients = scenario.data, scenario.federation.clients
    return Records(dataset, divide(dataset, data.partition, data.test_fraction, scenario.seed, clients))


@functools.lru_cache(maxsize=2)
def features_of(scenario: Scenario) -> npt.NDArray[np.float32]:
    """What the scenario's model takes, float32[n, ...] for all n records; computed once, then read from the cache."""
    from scenarios import models

    return models.prepared(scenario.model, records_of(scenario).dataset)
