"""Local training as a function of a list of jobs: a client alone is a list of one, a round is a list of its cohort."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from privacy import dp_sgd
from privacy.steps import PrivateSteps
from privacy.view import Vector
from scenarios import models
from scenarios.models import AnyModel
from scenarios.schema import Training
from scenarios.seeds import stream, torch_stream


@dataclass(frozen=True)
class Job:
    """One client's training in one round.

    `start` is the global model, float32[d]; `inputs` float32[n, ...] are the features the model takes, `labels`
    int64[n]. `private` says how DP-SGD runs, or is None. With `system_noise` the noise comes from the operating
    system's entropy instead of the stream named after (seed, client, round).
    """

    seed: int
    client: int
    round: int
    model: AnyModel
    classes: int
    start: Vector
    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    training: Training
    private: PrivateSteps | None = None
    system_noise: bool = False


def train(jobs: Sequence[Job]) -> list[Vector]:
    """Train each job from its start; returns the updates `trained - start`, float32[d], in the order of the jobs.

    One torch thread: the bits of a sum depend on how many threads split it.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_train_one(job) for job in jobs]
    finally:
        torch.set_num_threads(threads)


def _train_one(job: Job) -> Vector:
    module = job.model.build(job.inputs.shape[1:], job.classes)
    models.assign_parameters(module, job.start)
    inputs = torch.from_numpy(np.array(job.inputs))
    labels = torch.from_numpy(np.array(job.labels))
    if job.private is None:
        _sgd(module, inputs, labels, job)
    else:
        label = ("client", job.client, "round", job.round)
        sampling = torch_stream(job.seed, *label, "batches")
        noise = None if job.system_noise else torch_stream(job.seed, *label, "noise")
        dp_sgd.train(module, inputs, labels, job.private, sampling, noise)
    return models.parameters_of(module) - job.start


def _sgd(module: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor, job: Job) -> None:
    """Plain mini-batch SGD over shuffled epochs."""
    rng = stream(job.seed, "client", job.client, "round", job.round, "batches")
    settings = job.training
    optimizer = torch.optim.SGD(module.parameters(), lr=settings.learning_rate, momentum=settings.momentum)
    for _ in range(settings.epochs):
        order = torch.from_numpy(rng.permutation(len(inputs)))
        for chosen in torch.split(order, settings.batch_size):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(inputs[chosen]), labels[chosen])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
