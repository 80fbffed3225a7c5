"""Local training as a function of a list of jobs: a client alone is a list of one, a round is a list of its cohort."""

from collections.abc import Sequence

from clients.cohort.chunks import chunks, in_chunks
from clients.cohort.network import network_of
from clients.cohort.trainer import train_chunk
from clients.jobs import Job
from privacy.view import Vector
from scenarios.threads import one_thread

__all__ = ["Job", "chunks", "in_chunks", "train"]


def train(jobs: Sequence[Job]) -> list[Vector]:
    """Train each job from its start; returns the updates `trained - start`, float32[d], in the order of the jobs.

    The same jobs give the same bits, whether at once or chunk by chunk as `chunks` cuts them: workers that share a
    round take whole chunks. In other company a job's update agrees to rounding.
    """
    updates: dict[int, Vector] = {}
    with one_thread():
        for chunk in chunks(jobs):
            updates.update(zip(chunk, _train_chunk([jobs[index] for index in chunk]), strict=True))
    return [updates[index] for index in range(len(jobs))]


def _train_chunk(jobs: list[Job]) -> list[Vector]:
    network = network_of(jobs[0].model, jobs[0].features.shape[1:], jobs[0].classes)
    if network is not None:
        return train_chunk(network, jobs)

    from clients import alone  # it imports Opacus, which takes a second that most runs need not wait

    return [alone.train(job) for job in jobs]
