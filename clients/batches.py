"""Which records each step of a job takes, and where its noise comes from: the same however the job is trained."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from clients.jobs import Draw, Job
from privacy.noise import NoiseSource, SystemNoise
from privacy.sampled_gaussian import poisson_batches
from scenarios.seeds import noise_stream, stream, system_stream, torch_stream

Batch = npt.NDArray[np.int64]
"""Positions in `Job.records`."""


def batches_of(job: Job) -> list[Batch]:
    """One batch a step: shuffled epochs, or Poisson batches under DP-SGD. Raises ValueError without any record."""
    if job.private is not None:
        rates = sampling_rates(job)
        rate = job.private.sampling_rate if rates is None else rates
        return poisson_batches(len(job.records), rate, job.private.steps, sampling_of(job))
    return shuffled_epochs(job)


def shuffled_epochs(job: Job) -> list[Batch]:
    """Every record of the first part once an epoch, in a new order; the last batch of an epoch may be smaller.

    A batch goes on with as many records of each later part as its draw says: see `_walk`. Raises ValueError where the
    first part has no record.
    """
    records, size = len(job.records), job.training.batch_size
    if job.draws:
        records, size = job.draws[0].records, job.draws[0].batch_size
    if not records:
        raise ValueError(f"client {job.client} has no record to train on")
    rng = stream(job.seed, "client", job.client, "round", job.round, "batches")
    orders = [rng.permutation(records) for _ in range(job.training.epochs)]
    batches = [order[begin : begin + size] for order in orders for begin in range(0, records, size)]
    for draw in job.draws[1:]:
        walk = _walk(draw, len(batches), rng)
        batches = [np.concatenate([batch, records + more]) for batch, more in zip(batches, walk, strict=True)]
        records += draw.records
    return batches


def _walk(draw: Draw, steps: int, rng: np.random.Generator) -> Iterator[Batch]:
    """`batch_size` records a step, each as often as any other: shuffled passes, one after another.

    Where a pass ends within a batch, the next one fills it up, with records that are not in it yet. So a batch never
    holds a record twice, and a part with fewer than `batch_size` records gives all of them to every step.
    """
    size = min(draw.batch_size, draw.records)
    left = np.empty(0, np.int64)
    for _ in range(steps):
        if len(left) < size:
            order = rng.permutation(draw.records)
            again = np.isin(order, left)
            left = np.concatenate([left, order[~again], order[again]])
        yield left[:size]
        left = left[size:]


def sampling_rates(job: Job) -> npt.NDArray[np.float32] | None:
    """Under DP-SGD each record's own sampling rate, float32[n], or None where all have that of the job's steps."""
    if not job.draws:
        return None
    rates = np.array([draw.sampling_rate for draw in job.draws], np.float32)
    return np.repeat(rates, [draw.records for draw in job.draws])


def sampling_of(job: Job) -> torch.Generator:
    """What decides who is in a Poisson batch; the accounting takes these coins for secret, like the noise."""
    return system_stream() if job.system_noise else torch_stream(job.seed, *_label(job, "batches"))


def noise_of(job: Job, purpose: str = "noise") -> NoiseSource:
    """What the noise of this purpose is drawn from."""
    return SystemNoise() if job.system_noise else noise_stream(job.seed, *_label(job, purpose))


def _label(job: Job, purpose: str) -> tuple[str | int, ...]:
    """The name of what only this job draws from, in this run alone."""
    return "run", job.identity, "client", job.client, "round", job.round, purpose
