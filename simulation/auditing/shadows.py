"""Shadow models: federations like the run's on other draws of the records, all of them trained at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from clients import data, training
from clients.jobs import Job
from privacy.view import Vector
from scenarios import models
from scenarios.datasets.dataset import Labels
from scenarios.records import appearances_of, records_of, untrained
from scenarios.schema import Scenario
from scenarios.seeds import stream
from scenarios.work import private_steps
from server.rounds import planning


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
    records = records_of(scenario)
    total, sizes = len(records.dataset), [len(own) for own in records.division.train]
    seeds = [
        int(stream(scenario.seed, "audit", "membership-inference", "shadow", number).integers(2**63))
        for number in range(count)
    ]
    shares = [np.split(stream(seed, "records").permutation(total), np.cumsum(sizes)) for seed in seeds]
    held = [[np.sort(share) for share in own[: len(sizes)]] for own in shares]
    trained = np.zeros((count, total), np.bool_)
    for row, own in zip(trained, held, strict=True):
        row[np.concatenate(own)] = True
    jobs, found = first_jobs(scenario), [initial_model(scenario, seed) for seed in seeds]
    for round_ in range(1, scenario.federation.rounds + 1):
        found = _round(jobs, seeds, held, found, round_)
    return Shadows(found, trained)


def initial_model(scenario: Scenario, seed: int) -> Vector:
    """float32[d]: what a run of the scenario with this seed begins with."""
    return models.parameters_of(untrained(scenario, seed))


def first_jobs(scenario: Scenario) -> dict[int, Job]:
    """The jobs of the run's own clients in its first round, to make those of shadows from."""
    outlook, appearances = planning.outlook_of(scenario), appearances_of(scenario)
    noise, start = planning.noise_by_client(outlook), initial_model(scenario, scenario.seed)
    identity = data.resident(scenario.model_dump_json()).identity
    return {
        client: Job(
            seed=scenario.seed,
            client=client,
            round=1,
            model=scenario.model,
            classes=len(appearances.dataset.classes),
            start=start,
            features=appearances.features,
            labels=appearances.labels,
            records=records_of(scenario).division.train[client],
            training=scenario.training,
            private=private_steps(scenario, work, noise.get(client, 0.0)),
            identity=identity,
        )
        for client, work in outlook.works(1, "train").items()
    }


def _round(
    jobs: Mapping[int, Job],
    seeds: Sequence[int],
    held: Sequence[Sequence[Labels]],
    starts: Sequence[Vector],
    round_: int,
) -> list[Vector]:
    """One round of every shadow: all clients train, and each federation's updates are averaged."""
    shadow_jobs = [
        replace(job, seed=seed, round=round_, start=start, records=own[client])
        for seed, own, start in zip(seeds, held, starts, strict=True)
        for client, job in jobs.items()
    ]
    updates = np.stack(training.train(shadow_jobs)).reshape(len(seeds), len(jobs), -1)
    weights = np.array([len(job.records) for job in jobs.values()], np.float64)
    means = np.einsum("k,skd->sd", weights / weights.sum(), updates)
    return [(start + mean).astype(np.float32) for start, mean in zip(starts, means, strict=True)]
