"""Local training as a function of a list of jobs: a client alone is a list of one, a round is a list of its cohort."""

from collections.abc import Sequence

import torch

from clients import alone
from clients.cohort.chunks import chunks
from clients.cohort.network import Network, network_of
from clients.cohort.trainer import train_chunk
from clients.jobs import Job
from privacy.view import Vector

__all__ = ["Job", "train"]


def train(jobs: Sequence[Job]) -> list[Vector]:
    """Train each job from its start; returns the updates `trained - start`, float32[d], in the order of the jobs.

    The same jobs give the same bits. Among other jobs, one's update agrees to rounding. One torch thread: the bits of
    a sum depend on how many threads split it.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _train(jobs)
    finally:
        torch.set_num_threads(threads)


def _train(jobs: Sequence[Job]) -> list[Vector]:
    updates: dict[int, Vector] = {}
    together: dict[Network, list[int]] = {}
    for index, job in enumerate(jobs):
        network = network_of(job.model, job.features.shape[1:], job.classes)
        if network is None:
            updates[index] = alone.train(job)
        else:
            together.setdefault(network, []).append(index)
    for network, members in together.items():
        for chunk in chunks(network, [jobs[index] for index in members]):
            chosen = [members[place] for place in chunk]
            updates.update(zip(chosen, train_chunk(network, [jobs[index] for index in chosen]), strict=True))
    return [updates[index] for index in range(len(jobs))]
