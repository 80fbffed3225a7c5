"""Training one client by itself with torch and Opacus: for models whose layers have no cohort rule, and the reference
that the cohort is tested against.
"""

import torch

from clients.batches import noise_of, sampling_of, sampling_rates, shuffled_epochs
from clients.jobs import Job
from privacy import dp_sgd
from privacy.view import Vector
from scenarios import models


def train(job: Job) -> Vector:
    """Train one job; returns its update `trained - start`, float32[d]."""
    module = job.model.build(job.features.shape[1:], job.classes)
    models.assign_parameters(module, job.start)
    inputs = torch.from_numpy(job.features[job.records])
    labels = torch.from_numpy(job.labels[job.records])
    if job.private is None:
        _sgd(module, inputs, labels, job)
    else:
        dp_sgd.train(module, inputs, labels, job.private, sampling_of(job), noise_of(job), _method(job))
    return models.parameters_of(module) - job.start


def _method(job: Job) -> dp_sgd.Method:
    rates = sampling_rates(job)
    if rates is None:
        return dp_sgd.Method()
    return dp_sgd.Method(torch.from_numpy(rates), job.expected_batch)


def _sgd(module: torch.nn.Module, inputs: torch.Tensor, labels: torch.Tensor, job: Job) -> None:
    """Plain mini-batch SGD over shuffled epochs."""
    settings = job.training
    optimizer = torch.optim.SGD(module.parameters(), lr=settings.learning_rate, momentum=settings.momentum)
    for batch in shuffled_epochs(job):
        chosen = torch.from_numpy(batch)
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(inputs[chosen]), labels[chosen])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
