"""A scenario's records: loaded, divided and turned into features once a process, whoever asks."""

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from scenarios import datasets, models
from scenarios.concepts import Appearances
from scenarios.datasets.dataset import Dataset
from scenarios.division import Division, divide
from scenarios.schema import Scenario
from scenarios.seeds import torch_stream

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Records:
    """The data set of a scenario and which record is whose."""

    dataset: Dataset
    division: Division


@functools.lru_cache(maxsize=4)
def records_of(scenario: Scenario) -> Records:
    """Load and divide. Raises ScenarioError for data, a partition or a stream that cannot work."""
    dataset = datasets.load(scenario.data.dataset)
    return Records(dataset, divide(scenario, dataset))


@functools.lru_cache(maxsize=2)
def appearances_of(scenario: Scenario) -> Appearances:
    """What the scenario's model takes of each record, however it is seen in the course of the run."""
    records = records_of(scenario)
    return Appearances(scenario, records.dataset, records.division.experiences)


def untrained(scenario: Scenario, seed: int) -> "torch.nn.Module":
    """The scenario's model with the starting weights of a seed: what a run with that seed begins from."""
    appearances = appearances_of(scenario)
    module = scenario.model.build(appearances.features.shape[1:], len(appearances.dataset.classes))
    models.initialise(module, torch_stream(seed, "model"))
    return module


@functools.lru_cache(maxsize=64)
def classes_seen(scenario: Scenario, round_: int) -> npt.NDArray[np.bool_]:
    """bool[classes]: which classes any record of the experiences up to a round has; read-only."""
    records = records_of(scenario)
    now = 1 if scenario.stream is None else scenario.stream.experience_at(round_)
    found = np.zeros(len(records.dataset.classes), np.bool_)
    found[records.dataset.labels[records.division.experiences.of <= now]] = True
    found.setflags(write=False)
    return found


def label_space(scenario: Scenario, round_: int) -> npt.NDArray[np.bool_] | None:
    """The classes that the model may tell apart in a round, bool[classes]; None for all of them."""
    observed = scenario.stream is not None and scenario.stream.label_space == "observed"
    return classes_seen(scenario, round_) if observed else None
