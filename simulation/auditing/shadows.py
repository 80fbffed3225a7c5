"""Shadow models: federations like the run's on other draws of the records, all of them trained at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clients import training
from clients.jobs import Features, Job
from privacy.view import Vector
from scenarios import models
from scenarios.datasets.dataset import Labels
from scenarios.records import appearances_of, records_of
from scenarios.schema import Scenario
from scenarios.seeds import stream, torch_stream
from scenarios.work import private_steps
from server import planning


@dataclass(frozen=True)
class Shadows:
    """float32[d] each, and bool[s, N]: which of all N records each was trained on."""

    models: Sequence[Vector]
    trained: npt.NDArray[np.bool_]


def train_shadows(scenario: Scenario, count: int) -> Shadows:
    """Train so many, each on as many records as the run's, drawn at random and divided into clients as large.

    They have the run's model, training, rounds, noise and averaging; unlike the run's partition, theirs is random, and
    their seeds are their own. The jobs of all shadows of a round are one call of the run's own trainer.
    """
    appearances, division = appearances_of(scenario), records_of(scenario).division
    total, sizes = len(appearances.dataset), [len(own) for own in division.train]
    seeds = [
        int(stream(scenario.seed, "audit", "membership-inference", "shadow", number).integers(2**63))
        for number in range(count)
    ]
    shares = [np.split(stream(seed, "records").permutation(total), np.cumsum(sizes)) for seed in seeds]
    held = [[np.sort(share) for share in own[: len(sizes)]] for own in shares]
    trained = np.zeros((count, total), np.bool_)
    for row, own in zip(trained, held, strict=True):
        row[np.concatenate(own)] = True
    found = [_start(scenario, seed, appearances.features) for seed in seeds]
    for round_ in range(1, scenario.federation.rounds + 1):
        found = _round(scenario, seeds, held, found, round_)
    return Shadows(found, trained)


def _start(scenario: Scenario, seed: int, features: Features) -> Vector:
    module = scenario.model.build(features.shape[1:], len(records_of(scenario).dataset.classes))
    models.initialise(module, torch_stream(seed, "model"))
    return models.parameters_of(module)


def _round(
    scenario: Scenario, seeds: Sequence[int], held: Sequence[Sequence[Labels]], starts: Sequence[Vector], round_: int
) -> list[Vector]:
    """One round of every shadow: all clients train, and each federation's updates are averaged."""
    outlook, appearances = planning.outlook_of(scenario), appearances_of(scenario)
    works, noise = outlook.works(1, "train"), planning.noise_by_client(outlook)
    jobs = [
        Job(
            seed=seed,
            client=client,
            round=round_,
            model=scenario.model,
            classes=len(appearances.dataset.classes),
            start=start,
            features=appearances.features,
            labels=appearances.labels,
            records=own[client],
            training=scenario.training,
            private=private_steps(scenario, work, noise.get(client, 0.0)),
        )
        for seed, own, start in zip(seeds, held, starts, strict=True)
        for client, work in works.items()
    ]
    updates = np.stack(training.train(jobs)).reshape(len(seeds), len(works), -1)
    weights = np.array([work.weight for work in works.values()], np.float64)
    means = np.einsum("k,skd->sd", weights / weights.sum(), updates)
    return [(start + mean).astype(np.float32) for start, mean in zip(starts, means, strict=True)]
