"""Which records each step of a job takes, and where its noise comes from: the same however the job is trained."""

import numpy as np
import numpy.typing as npt
import torch

from clients.jobs import Job
from privacy.sampled_gaussian import poisson_batches
from scenarios.seeds import stream, system_stream, torch_stream

Batch = npt.NDArray[np.int64]
"""Positions in `Job.records`."""


def batches_of(job: Job) -> list[Batch]:
    """One batch a step: shuffled epochs, or Poisson batches under DP-SGD. Raises ValueError without any record."""
    if job.private is not None:
        return poisson_batches(len(job.records), job.private.sampling_rate, job.private.steps, sampling_of(job))
    return shuffled_epochs(job)


def shuffled_epochs(job: Job) -> list[Batch]:
    """Every record once an epoch, in a new order; the last batch of an epoch may be smaller."""
    records, size = len(job.records), job.training.batch_size
    if not records:
        raise ValueError(f"client {job.client} has no record to train on")
    rng = stream(job.seed, "client", job.client, "round", job.round, "batches")
    orders = [rng.permutation(records) for _ in range(job.training.epochs)]
    return [order[begin : begin + size] for order in orders for begin in range(0, records, size)]


def sampling_of(job: Job) -> torch.Generator:
    """What decides who is in a Poisson batch; the accounting takes these coins for secret, like the noise."""
    label = ("client", job.client, "round", job.round, "batches")
    return system_stream() if job.system_noise else torch_stream(job.seed, *label)


def noise_of(job: Job) -> torch.Generator | None:
    """What the noise is drawn from; None stands for the operating system's entropy."""
    return None if job.system_noise else torch_stream(job.seed, "client", job.client, "round", job.round, "noise")
