"""Which jobs are trained together: a pure function of the jobs, so no bit depends on the number of workers."""

from collections.abc import Sequence

from clients.cohort.network import network_of
from clients.jobs import Job
from scenarios.models import AnyModel

_VALUES = 2_000_000
"""How many float32 a chunk works on: 8 MB stay in cache. Much less, and the passes' fixed costs dominate."""


def chunks(jobs: Sequence[Job]) -> list[list[int]]:
    """Indices of the jobs in chunks: none twice, none left out. The jobs of a chunk, cut again, are one chunk.

    They have the same model, data set, learning rate and momentum, and all or none are private, pulled, taught
    or kept to some classes.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, job in enumerate(jobs):
        groups.setdefault(_agreement(job), []).append(index)
    found = list[list[int]]()
    for group in groups.values():
        first, batches = jobs[group[0]], [jobs[index].expected_batch for index in group]
        parts = in_chunks(first.model, first.features.shape[1:], first.classes, batches)
        found.extend([group[place] for place in part] for part in parts)
    return found


def in_chunks(model: AnyModel, input_shape: tuple[int, ...], classes: int, batches: Sequence[float]) -> list[list[int]]:
    """Places of clients that agree, of whose batches only the expected sizes differ, in chunks.

    They are sorted by falling batch size first, because a batch is padded to the largest of its chunk, and halved until
    a chunk's parameters and activations stay in cache: equal chunks leave no worker idle. Nobody shares a chunk where
    the model is trained client by client.
    """
    network = network_of(model, input_shape, classes)
    ordered = sorted(range(len(batches)), key=lambda place: -batches[place])
    if network is None:
        return [[place] for place in ordered]
    return _halved(ordered, [network.size + network.kept_values * batches[place] for place in ordered])


def _agreement(job: Job) -> tuple[object, ...]:
    """What must be the same. The data set is resident, so it is the same one where it is the same object."""
    data = job.model, job.classes, id(job.features), id(job.labels)
    return *data, *job.pace, job.private is None, job.pull is None, job.teacher is None, job.allowed is None


def _halved(places: list[int], values: list[float]) -> list[list[int]]:
    """The places, if what they work on fits, or else both halves of them, halved again where need be."""
    if sum(values) <= _VALUES or len(places) == 1:
        return [places]
    middle = len(places) // 2
    return [*_halved(places[:middle], values[:middle]), *_halved(places[middle:], values[middle:])]
