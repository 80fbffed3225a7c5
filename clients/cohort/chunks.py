"""Which jobs are trained together: a pure function of the jobs, so no bit depends on the number of workers."""

from collections.abc import Sequence

from clients.cohort.network import Network
from clients.jobs import Job

_VALUES = 2_000_000
"""How many float32 a chunk works on: what stays in a core's cache. Fewer, and the passes' fixed costs dominate."""


def chunks(network: Network, jobs: Sequence[Job]) -> list[list[int]]:
    """Indices of the jobs of one network, in chunks: none twice, none left out.

    Jobs of a chunk have the same data set, learning rate and momentum, and all or none are private. They are sorted by
    their batch size first, because a batch is padded to the largest of its chunk.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, job in enumerate(jobs):
        groups.setdefault(_agreement(job), []).append(index)
    return [chunk for group in groups.values() for chunk in _cut(network, jobs, group)]


def _agreement(job: Job) -> tuple[object, ...]:
    settings = job.training
    return id(job.features), id(job.labels), settings.learning_rate, settings.momentum, job.private is None


def _cut(network: Network, jobs: Sequence[Job], group: list[int]) -> list[list[int]]:
    """The group by falling batch size, cut where a chunk's parameters and activations would outgrow the cache."""
    ordered = sorted(group, key=lambda index: -_expected_batch(jobs[index]))
    found: list[list[int]] = []
    room = 0.0
    for index in ordered:
        values = network.size + network.kept_values * _expected_batch(jobs[index])
        if not found or values > room:
            found.append([])
            room = _VALUES
        found[-1].append(index)
        room -= values
    return found


def _expected_batch(job: Job) -> float:
    if job.private is not None:
        return job.private.sampling_rate * len(job.records)
    return min(job.training.batch_size, len(job.records))
