"""Local training of a chunk of clients at once: SGD and DP-SGD on stacked parameters, without autograd.

The passes are the rules' of `clients.cohort.layers`. Under DP-SGD one backward pass yields the factors of all
per-sample gradients; norms and clipped sums come from these (Bu et al. 2022, arXiv 2210.00038). Plain SGD is the same
pass with the weights 1 / batch and no norms.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from clients.batches import Batch, batches_of, noise_of
from clients.cohort import first_layer
from clients.cohort.cohort import Cohort
from clients.cohort.layers.gradients import SampleGradients
from clients.cohort.network import Network
from clients.cohort.objective import Objective
from clients.cohort.privacy import Privacy
from clients.cohort.pulls import Pulls
from clients.cohort.rows import Gatherer, Places, Rows, alike
from clients.cohort.stacks import Stack, cut, stacked
from clients.jobs import Job
from privacy.view import Vector

Records = Sequence[npt.NDArray[np.int64]]
"""The rows of the data set that a step takes, a list for each client that still trains: always the first ones."""

Groups = Iterator[Rows]
"""These as padded rows, of clients with batches of like sizes at once; each until the next are asked for."""

Accumulate = Callable[[Stack, Groups, Stack], None]
"""(parameters, groups, targets): adds each client's gradient times what `_accumulator` was given to its targets."""


@torch.no_grad()
def train_chunk(network: Network, jobs: Sequence[Job]) -> list[Vector]:
    """Train the jobs of one chunk; returns their updates, float32[d] each, in order.

    **Guarantee** for jobs with `private`: that of `privacy.dp_sgd.train`, whose steps these are. Raises ValueError for
    a noise multiplier that is not positive and for a client without records.
    """
    batches = [batches_of(job) for job in jobs]
    spanned = [first_layer.serves(network, job) for job in jobs]
    order = sorted(range(len(jobs)), key=lambda index: (spanned[index], -len(batches[index])))
    updates = torch.empty(len(jobs), network.size)
    middle = spanned.count(False)
    for train, places in ((_train, slice(middle)), (_train_spanned, slice(middle, None))):
        if chosen := order[places]:
            train(
                network,
                _cohort([jobs[index] for index in chosen], [batches[index] for index in chosen]),
                updates[places],
            )
    rows = updates.numpy()
    return [rows[place] for place in np.argsort(order)]


def _cohort(jobs: list[Job], batches: list[list[Batch]]) -> Cohort:
    return Cohort(
        jobs,
        batches,
        starts=stacked([job.start for job in jobs]),
        features=jobs[0].features,
        labels=jobs[0].labels,
        records=[job.records for job in jobs],
        noise=[noise_of(job) for job in jobs if job.private is not None],
    )


def _train_spanned(network: Network, cohort: Cohort, updates: Tensor) -> None:
    """What `_train` does, in the spans of the clients' own rows."""
    small = first_layer.Spanned(network, cohort)
    changes = torch.empty_like(small.cohort.starts)
    _train(small.network, small.cohort, changes)
    small.lift(changes, updates)


def _train(network: Network, cohort: Cohort, updates: Tensor) -> None:
    """All steps of all clients; writes their updates, [K, d]."""
    starts = cut(network, cohort.starts)
    parameters = [start.clone(memory_format=torch.contiguous_format) for start in starts]
    _take_steps(network, cohort, parameters)
    for ended, start, update in zip(parameters, starts, cut(network, updates), strict=True):
        torch.sub(ended, start, out=update)


def _take_steps(network: Network, cohort: Cohort, parameters: Stack) -> None:
    """All steps of all clients, in place."""
    learning_rate, momentum = cohort.jobs[0].pace
    # Without momentum the gradients go straight into the parameters; torch's momentum starts from zero.
    velocities = [torch.zeros_like(values) for values in parameters] if momentum else None
    accumulate = (
        _accumulator(network, cohort, parameters, -learning_rate)
        if velocities is None
        else _accumulator(network, cohort, velocities, 1.0)
    )
    largest = max((len(batch) for own in cohort.batches for batch in own), default=0)
    gatherer = Gatherer(cohort.features, cohort.labels, len(cohort.jobs) * largest)
    for step in range(len(cohort.batches[0])):
        records = cohort.step(step)
        groups, moving = _groups(network, gatherer, records), [values[: len(records)] for values in parameters]
        if velocities is None:
            accumulate(moving, groups, moving)
            continue
        speeds = [velocity[: len(records)].mul_(momentum) for velocity in velocities]
        accumulate(moving, groups, speeds)
        for values, speed in zip(moving, speeds, strict=True):
            values.add_(speed, alpha=-learning_rate)


def _accumulator(network: Network, cohort: Cohort, targets: Stack, scale: float) -> Accumulate:
    """How a step's gradients are added to the targets, times `scale`: plainly, or clipped and with noise; pulled."""
    objective = Objective(network, cohort.jobs)
    if cohort.noise:
        accumulate: Accumulate = functools.partial(_add_private, objective, Privacy(network, cohort, targets), scale)
    else:
        accumulate = functools.partial(_add_plain, objective, scale)
    pulls = [job.pull for job in cohort.jobs if job.pull is not None]
    return functools.partial(_add_pulled, accumulate, Pulls(network, pulls), scale) if pulls else accumulate


def _groups(network: Network, gatherer: Gatherer, records: Records) -> Groups:
    for clients in alike([len(own) for own in records], network.kept_values, network.size):
        yield gatherer.gather(records, clients)


def _add_pulled(
    accumulate: Accumulate, pulls: Pulls, scale: float, parameters: Stack, groups: Groups, targets: Stack
) -> None:
    """What `accumulate` adds, and the pull after it, which no clipping or noise concerns."""
    pulled = pulls.gradients(parameters)  # first, since the parameters may be the targets
    accumulate(parameters, groups, targets)
    for target, gradient in zip(targets, pulled, strict=True):
        target.add_(gradient, alpha=scale)


def _add_plain(objective: Objective, scale: float, parameters: Stack, groups: Groups, targets: Stack) -> None:
    """The gradients of the mean loss of each client's batch."""
    for rows in groups:
        _add(objective.mean_gradients(_of(rows.clients, parameters), rows, scale), rows.clients, targets)


def _add_private(
    objective: Objective, privacy: Privacy, scale: float, parameters: Stack, groups: Groups, targets: Stack
) -> None:
    """The clipped sums of each client's batch with their noise, over its expected size.

    A batch without a record adds nothing but noise. A record whose gradient's norm is not finite cannot be clipped, and
    NaN would give away that it is there: it counts for nothing.
    """
    scales = scale / privacy.expected_batches[: len(parameters[0])]
    for rows in groups:
        if not rows.present.numel():
            continue
        own = _of(rows.clients, parameters)
        squared_norms, gradients = _measured(objective, own, rows)
        if not math.isfinite(squared_norms.sum()):  # one number tells, in half the calls
            rows.leave_out(~torch.isfinite(squared_norms))
            squared_norms, gradients = _measured(objective, own, rows)
        factors = privacy.clip_factors(squared_norms, rows.clients) * scales[rows.clients].unsqueeze(1)
        weights = torch.where(rows.present, factors, 0.0)
        _add([found.weighted(weights) for found in gradients], rows.clients, targets)
    privacy.add_noise(scales)


def _of(clients: Places, stack: Stack) -> Stack:
    """These clients' part of a stack: a copy where they are not the first ones."""
    if isinstance(clients, slice):
        return [values[clients] for values in stack]
    return [values.index_select(0, clients) for values in stack]


def _add(gradients: Sequence[SampleGradients], clients: Places, targets: Stack) -> None:
    """Add the sums of these clients' gradients to their part of the targets."""
    own = _of(clients, targets)
    for found, target in zip(gradients, own, strict=True):
        found.add_to(target)
    if not isinstance(clients, slice):
        for target, values in zip(targets, own, strict=True):
            target.index_copy_(0, clients, values)


def _measured(objective: Objective, parameters: Stack, rows: Rows) -> tuple[Tensor, list[SampleGradients]]:
    """The squared norm of each sample's whole gradient, [K, B], and the gradients of each parameter."""
    measured = [found.measured() for found in objective.gradients(parameters, rows)]
    return torch.stack([norms for norms, _ in measured]).sum(0), [found for _, found in measured]
