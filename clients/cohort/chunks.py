"""Which jobs are trained together: a pure function of the jobs, so no bit depends on the number of workers."""

from collections.abc import Sequence

from clients.cohort.network import network_of
from clients.jobs import Job

_VALUES = 2_000_000
"""How many float32 a chunk works on: 8 MB stay in cache. Much less, and the passes' fixed costs dominate."""


def chunks(jobs: Sequence[Job]) -> list[list[int]]:
    """Indices of the jobs in chunks: none twice, none left out. The jobs of a chunk, cut again, are one chunk.

    They have the same model, data set, learning rate and momentum, and all or none are private, pulled, taught
    or kept to some classes. They are sorted by their batch size first, because a batch is padded to the largest of its
    chunk.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, job in enumerate(jobs):
        groups.setdefault(_agreement(job), []).append(index)
    return [chunk for group in groups.values() for chunk in _cut(jobs, group)]


def _agreement(job: Job) -> tuple[object, ...]:
    """What must be the same. The data set is resident, so it is the same one where it is the same object."""
    data = job.model, job.classes, id(job.features), id(job.labels)
    return *data, *job.pace, job.private is None, job.pull is None, job.teacher is None, job.allowed is None


def _cut(jobs: Sequence[Job], group: list[int]) -> list[list[int]]:
    """The group by falling batch size, cut where a chunk's parameters and activations would outgrow the cache."""
    ordered = sorted(group, key=lambda index: -jobs[index].expected_batch)
    found: list[list[int]] = []
    room = 0.0
    for index in ordered:
        values = _values(jobs[index])
        if not found or values > room:
            found.append([])
            room = _VALUES
        found[-1].append(index)
        room -= values
    return found


def _values(job: Job) -> float:
    """What a client adds to its chunk; nothing shares a chunk with a client that is trained alone."""
    network = network_of(job.model, job.features.shape[1:], job.classes)
    return _VALUES if network is None else network.size + network.kept_values * job.expected_batch
