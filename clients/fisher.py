"""How much each parameter matters for a client's records: the diagonal of the empirical Fisher information."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from clients.batches import noise_of
from clients.jobs import Job
from privacy.noise import require_noise
from privacy.sampled_gaussian import clip_factors, draw_gaussian
from privacy.view import Vector
from scenarios import models
from scenarios.threads import one_thread

_VALUES = 4_000_000
"""How many float32 of per-sample gradients are written out at once, 16 MB."""


def fishers(jobs: Sequence[Job]) -> list[Vector]:
    """The Fisher information of each job's model at its start, float32[d], in the order of the jobs.

    The mean over the job's records of the squared gradient of each one's cross-entropy with its own label, over the
    allowed classes, as online elastic weight consolidation adds it up (Schwarz et al. 2018, arXiv 1805.06370,
    section 3). The true Fisher information would draw the labels from the model. Draws, pull and teacher take no part.
    Raises ValueError for a client without records.

    **Guarantee** for jobs with `private`: one release of the Gaussian mechanism, with the noise multiplier of the steps
    and without sampling, for one record, add-or-remove, against anyone who sees the vector; with seeded noise only
    against those who do not know the seed.
    - Each gradient g is clipped to the norm C, and adds its squares g * g to the sum. These are short: (sum g_i^2)^2
      has all terms of sum g_i^4, and none of its others is negative, so |g * g| <= |g|^2 <= C^2.
    - The noise on the sum has the standard deviation noise_multiplier * C^2.
    - The number of records, which the sum is divided by, is taken for public. Negative entries are then set to 0, which
      is post-processing.
    - A record whose gradient's norm is not finite counts for nothing.

    Raises ValueError for a noise multiplier that is not positive.
    """
    with one_thread():
        return [_fisher(job) for job in jobs]


@torch.no_grad()
def _fisher(job: Job) -> Vector:
    count = len(job.records)
    if not count:
        raise ValueError(f"client {job.client} has no record to take the Fisher information of")
    if job.private is not None:
        require_noise(job.private.noise_multiplier)
    module = job.model.build(job.features.shape[1:], job.classes)
    parameters = {name: torch.tensor(values) for name, values in models.named_arrays(module, job.start).items()}
    sums = [torch.zeros_like(values) for values in parameters.values()]
    size = max(1, _VALUES // len(job.start))
    for begin in range(0, count, size):
        gradients = _gradients(job, module, parameters, job.records[begin : begin + size])
        if job.private is not None:
            _clip(gradients, job.private.clip_norm)
        for total, own in zip(sums, gradients, strict=True):
            total += own.square_().sum(0)
    summed = torch.cat([total.flatten() for total in sums])
    if job.private is not None:
        deviation = job.private.noise_multiplier * job.private.clip_norm**2
        summed += draw_gaussian(torch.empty_like(summed), deviation, noise_of(job, "fisher"))
        summed.clamp_(min=0.0)
    fisher: Vector = summed.div_(count).numpy()
    return fisher


def _gradients(
    job: Job, module: torch.nn.Module, parameters: dict[str, Tensor], records: npt.NDArray[np.int64]
) -> list[Tensor]:
    """Each record's gradient by each parameter, [b, *shape]."""
    forbidden = None if job.allowed is None else torch.from_numpy(~job.allowed)

    def loss(values: dict[str, Tensor], features: Tensor, label: Tensor) -> Tensor:
        logits: Tensor = functional_call(module, values, (features.unsqueeze(0),)).squeeze(0)
        if forbidden is not None:
            logits = logits.masked_fill(forbidden, -math.inf)
        return torch.nn.functional.cross_entropy(logits, label)

    features, labels = torch.from_numpy(job.features[records]), torch.from_numpy(job.labels[records])
    found: dict[str, Tensor] = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, features, labels)
    return [found[name] for name in parameters]


def _clip(gradients: list[Tensor], clip_norm: float) -> None:
    """Cut each record's gradient to the clip norm, in place; to nothing where its norm is not finite."""
    squared_norms = torch.stack([torch.linalg.vector_norm(own.flatten(1), dim=1).square() for own in gradients]).sum(0)
    factors = clip_factors(squared_norms, torch.tensor(clip_norm))
    unbounded = ~torch.isfinite(squared_norms)
    for own in gradients:
        own.mul_(factors.view(-1, *(1,) * (own.dim() - 1)))
        own[unbounded] = 0.0
