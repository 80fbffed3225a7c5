"""Training one client by itself with torch and Opacus: for models whose layers have no cohort rule, and the reference
that the cohort is tested against.
"""

import functools
import math
from collections.abc import Callable

import numpy as np
import torch

from clients.batches import noise_of, sampling_of, sampling_rates, shuffled_epochs
from clients.jobs import Classes, Job, Pull, Teacher
from privacy import dp_sgd
from privacy.view import Vector
from scenarios import models


def train(job: Job) -> Vector:
    """Train one job; returns its update `trained - start`, float32[d]."""
    module = _module(job, job.start)
    inputs = torch.from_numpy(job.features[job.records])
    labels = torch.from_numpy(job.labels[job.records])
    method = _method(module, inputs, job)
    if job.private is None:
        _sgd(module, inputs, labels, job, method)
    else:
        dp_sgd.train(module, inputs, labels, job.private, sampling_of(job), noise_of(job), method)
    return models.parameters_of(module) - job.start


def _sgd(module: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor, job: Job, method: dp_sgd.Method) -> None:
    """Plain mini-batch SGD over shuffled epochs."""
    settings = job.training
    optimizer = torch.optim.SGD(module.parameters(), lr=settings.learning_rate, momentum=settings.momentum)
    for batch in shuffled_epochs(job):
        chosen = torch.from_numpy(batch)
        optimizer.zero_grad()
        loss = method.losses(module(inputs[chosen]), labels[chosen], chosen).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        if method.adjust is not None:
            method.adjust()
        optimizer.step()


def _module(job: Job, parameters: Vector) -> torch.nn.Module:
    module = job.model.build(job.features.shape[1:], job.classes)
    models.assign_parameters(module, parameters)
    return module


def _method(module: torch.nn.Module, inputs: torch.Tensor, job: Job) -> dp_sgd.Method:
    """What the job makes different for its module and its records."""
    adjust = None if job.pull is None else _pulling(module, job.pull)
    losses = dp_sgd.cross_entropy if job.allowed is None else _masked(job.allowed)
    if job.teacher is not None:
        losses = _taught(losses, job, job.teacher, inputs)
    rates = sampling_rates(job)
    if rates is None:
        return dp_sgd.Method(adjust=adjust, losses=losses)
    return dp_sgd.Method(torch.from_numpy(rates), job.expected_batch, adjust, losses)


def _masked(allowed: Classes) -> dp_sgd.Losses:
    """The cross-entropy over the allowed classes."""
    forbidden = torch.tensor(~allowed)

    def losses(logits: torch.Tensor, labels: torch.Tensor, records: torch.Tensor) -> torch.Tensor:
        return dp_sgd.cross_entropy(logits.masked_fill(forbidden, -math.inf), labels, records)

    return losses


def _taught(others: dp_sgd.Losses, job: Job, teacher: Teacher, inputs: torch.Tensor) -> dp_sgd.Losses:
    """The other losses, and the teacher's weighted divergence."""
    classes, temperature = torch.tensor(job.taught_classes), teacher.temperature
    with torch.no_grad():
        answers = _module(job, teacher.parameters)(inputs)

    def losses(logits: torch.Tensor, labels: torch.Tensor, records: torch.Tensor) -> torch.Tensor:
        taught = torch.log_softmax(answers[records][:, classes] / temperature, dim=1)
        learnt = torch.log_softmax(logits[:, classes] / temperature, dim=1)
        divergence = torch.nn.functional.kl_div(learnt, taught, reduction="none", log_target=True).sum(1)
        return others(logits, labels, records) + teacher.strength * temperature**2 * divergence

    return losses


def _pulling(module: torch.nn.Module, pull: Pull) -> Callable[[], None]:
    """Adds the pull to the gradients that the module's parameters hold."""
    strength = pull.strength if isinstance(pull.strength, np.ndarray) else np.full_like(pull.anchor, pull.strength)
    anchors, strengths = (_tensors(module, vector) for vector in (pull.anchor, strength))
    return functools.partial(_pull, list(module.parameters()), anchors, strengths)


@torch.no_grad()
def _pull(parameters: list[torch.nn.Parameter], anchors: list[torch.Tensor], strengths: list[torch.Tensor]) -> None:
    for parameter, anchor, strength in zip(parameters, anchors, strengths, strict=True):
        assert parameter.grad is not None
        parameter.grad.add_(strength * (parameter - anchor))


def _tensors(module: torch.nn.Module, vector: Vector) -> list[torch.Tensor]:
    """The vector cut into tensors like the module's parameters."""
    return [torch.tensor(array) for array in models.named_arrays(module, vector).values()]
