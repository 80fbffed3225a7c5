"""Shadow clients: clients like the run's own in its first round, with few or with many records of one class."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from clients import training
from clients.jobs import Job
from privacy.audits.separation import Chosen
from privacy.view import Vector
from scenarios.datasets.dataset import Labels
from scenarios.seeds import stream

MOST_VALUES = 10**8
"""Clients times parameters up to which updates are kept at once; 400 MB."""


@dataclass(frozen=True, eq=False)
class Property:
    """That few or many of a client's records are of one class: which share is which, and which records are, bool[N]."""

    shares: tuple[float, float]
    of_class: Chosen


@dataclass(frozen=True, eq=False)
class ShadowClients:
    """What n clients sent, float32[n, d], and who of them had many; number i is as client i mod K of the run's K."""

    updates: Vector
    has_many: Chosen


def train_shadow_clients(
    jobs: Mapping[int, Job], source: Labels, asked: Property, count: int, label: tuple[int, str]
) -> ShadowClients:
    """Train so many, each as large as one of the run's clients and of records of the source, all in one call.

    `label` is the seed and what they are for. The two kinds of a client come in pairs, in an order of coins, so that
    nothing but the property tells them apart. Raises ValueError where there are no such records or the shares are the
    same number of them, and for updates that would fill memory.
    """
    size, names = next(iter(jobs.values())).start.size, list(jobs)
    if count * size > MOST_VALUES:
        raise ValueError(f"updates of {count} shadows of {size:,} parameters would fill memory; lower shadows")
    if not asked.of_class[source].any() or asked.of_class[source].all():
        raise ValueError(f"of the records {label[1]} none or all are of the class asked about")
    seed, side = label
    pairs = -(-count // (2 * len(names)))
    coins = stream(seed, "audit", "property-inference", side, "coins").random((pairs, 1, len(names))) < 0.5
    has_many = (coins ^ np.array([[False], [True]])).ravel()[:count]
    drawn = []
    for number, many in enumerate(has_many.tolist()):
        rng = stream(seed, "audit", "property-inference", side, number)
        drawn.append(_like(jobs[names[number % len(names)]], source, asked, many, rng))
    return ShadowClients(np.stack(training.train(drawn)), has_many)


def _like(job: Job, source: Labels, asked: Property, many: bool, rng: np.random.Generator) -> Job:
    """A client as large as the job's; records come more than once where the source has too few of a kind."""
    total = len(job.records)
    other, count = (round(asked.shares[which] * total) for which in (not many, many))
    if other == count:
        raise ValueError(
            f"both shares of the {total} records of client {job.client} are {count}: set them further apart"
        )
    kinds = (source[asked.of_class[source]], count), (source[~asked.of_class[source]], total - count)
    records = [rng.choice(kind, number, replace=number > len(kind)) for kind, number in kinds]
    return replace(job, seed=int(rng.integers(2**63)), records=np.sort(np.concatenate(records)))
