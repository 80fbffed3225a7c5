"""Few records: a client trains in the span of its own rows, in which a first linear layer is small.

The gradient of y = x W^T + b by W is an outer product of the outputs' gradient and x: whatever the steps, W moves
within the span of the client's own rows. With an orthonormal basis Q [n, P] of it, a row is x = c Q, with coordinates
c [n] of the same length, and x W^T = c (W Q^T)^T. So the client trains a layer of n inputs instead of P, on its
coordinates, as any layer is trained; what those weights [O, n] change by, times Q, is what W changes by.

**Guarantee** under DP-SGD. Whatever the batches, the update has the distribution of `privacy.dp_sgd.train`'s. A step's
noise N [O, P] has two parts that are independent: N Q^T within the span, standard normal numbers as Q is orthonormal,
and N (I - Q^T Q) beside it, on which no output and no gradient of any step depends. Only the sum over the steps leaves
the client, and a sum of independent normal numbers is one of their joint variance: what is beside the span is drawn
once, after the last step. So Lim et al. 2024, arXiv 2404.08847, put off the noise of an embedding's unread rows.
That is so in real numbers. In float32 an input that is 0 in all rows would show: its weights would be noise to which
nothing was added. So what comes out is rounded to a public grid, much finer than the noise.
"""

import functools
import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from clients.cohort.cohort import Cohort
from clients.cohort.layers.linear import Linear
from clients.cohort.network import Network
from clients.cohort.stacks import cut
from clients.jobs import Job
from privacy.sampled_gaussian import draw_gaussian, on_grid

_BASIS = 2**16
"""The most numbers of a basis: it stays in the core's cache while it is used, and all that are kept in 134 MB."""

_PASSES = 2
"""Epochs of plain SGD that pay for as many rows each as the layer has outputs: a pass reads and writes all weights."""

_NOISE = 60
"""Pairs of rows that a step of DP-SGD after the first pays for, an output, where a basis serves some rounds."""

_SPANS = 512
"""How many clients' spans are kept. Where there are more, each is found anew in nearly every round."""

_FOUND_PLAIN, _FOUND_PRIVATE = 2, 12
"""Pairs of rows whose span is worth finding, an output and round that it serves: of a pass of plain SGD, and of a step
of DP-SGD after the first.
"""

_LONGEST = 1e30
"""Longer rows have no direction in float32. DP-SGD cannot clip their gradients: they count for nothing in any case.
Plain SGD on one ends in NaN.
"""


def serves(network: Network, job: Job) -> bool:
    """Whether the job is trained so. It follows from the job alone: its noise must not depend on its company."""
    width = _width(network, job.features.shape[1:])
    if width is None or job.pull is not None or job.teacher is not None:
        return False
    records, outputs = len(job.records), network.shapes[0][0]
    if 2 * records > width or records * width > _BASIS:
        return False
    rounds = job.expected_rounds if job.clients <= _SPANS else 1.0
    if job.private is None:
        passes = min(job.training.epochs, _PASSES)
        return records <= passes * outputs and records**2 <= rounds * _FOUND_PLAIN * passes * outputs
    later = job.private.steps - 1
    pays = records**2 <= (_NOISE * later + 1) * outputs
    return pays and records**2 <= rounds * (_FOUND_PRIVATE * later + 1) * outputs


@functools.lru_cache(maxsize=16)
def _width(network: Network, input_shape: tuple[int, ...]) -> int | None:
    """How many inputs the first weights have; None where these are not a linear layer's on vectors."""
    first = network.lowest
    values = _passed(network, torch.zeros(1, *input_shape))
    return values.shape[1] if isinstance(network.rules[first], Linear) and values.dim() == 2 else None


def _passed(network: Network, rows: Tensor) -> Tensor:
    """[n, ...] as the first layer with weights takes them."""
    values = rows.unsqueeze(0)
    for rule in network.rules[: network.lowest]:
        values, _ = rule.forward((), values)
    return values[0]


@dataclass(frozen=True, eq=False)
class Span:
    """An orthonormal `basis` [n, P] of what n rows span, and their `coordinates` [n, n]: NaN where a row has none."""

    basis: Tensor
    coordinates: npt.NDArray[np.float32]


class Spanned:
    """A cohort in the spans of its clients' own rows: a smaller `network`, and the `cohort` that it is for."""

    def __init__(self, network: Network, cohort: Cohort) -> None:
        first = cohort.jobs[0]
        records = tuple(own.tobytes() for own in cohort.records)
        ground = _ground(network, _Itself(first.features), _Itself(first.labels), records)
        self._whole, self._bases = network, ground.bases
        lowest, shapes = network.lowest, ((network.shapes[0][0], ground.bases.shape[1]), *network.shapes[1:])
        self.network = replace(network, rules=network.rules[lowest:], slices=network.slices[lowest:], shapes=shapes)
        self.cohort = replace(
            cohort,
            starts=self._projected(cohort.starts),
            features=ground.coordinates,
            labels=ground.labels,
            records=ground.records,
            widths=[len(own) for own in ground.records],
        )

    def _projected(self, starts: Tensor) -> Tensor:
        projected = torch.empty(len(starts), self.network.size)
        (first, *others), (target, *targets) = cut(self._whole, starts), cut(self.network, projected)
        if first.stride(0):
            torch.bmm(first, self._bases.mT, out=target)
        else:  # all clients start with the same weights: one product for all
            target.copy_(torch.matmul(self._bases.flatten(0, 1), first[0].T).view(*self._bases.shape[:2], -1).mT)
        for values, small in zip(others, targets, strict=True):
            small.copy_(values)
        return projected

    def lift(self, changes: Tensor, updates: Tensor) -> None:
        """Write what the clients' whole parameters change by, [K, d], where the small ones change by [K, small d]."""
        (first, *others), (target, *targets) = cut(self.network, changes), cut(self._whole, updates)
        if not self.cohort.noise:
            torch.bmm(first, self._bases, out=target)
        for job, source, basis, within, update in zip(
            self.cohort.jobs, self.cohort.noise, self._bases, first, target, strict=False
        ):
            deviation = _deviation(job)
            draw_gaussian(update, deviation, source)
            update.addmm_(within - update @ basis.T, basis)
            on_grid(update, deviation)
        for values, update in zip(others, targets, strict=True):
            update.copy_(values)


@dataclass(frozen=True, eq=False)
class _Ground:
    """K clients' `bases` [K, N, P], N being the most rows that one has, their `coordinates` [K * N, N] and `labels`.

    `records` are each client's rows of these. What a client has less than N is zeros.
    """

    bases: Tensor
    coordinates: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    records: list[npt.NDArray[np.int64]]


@functools.lru_cache(maxsize=8)
def _ground(network: Network, features: "_Itself", labels: "_Itself", records: tuple[bytes, ...]) -> _Ground:
    """Where everybody trains in every round, so do the same chunks; others are seldom met again."""
    spans = [_span(network, features, own) for own in records]
    clients, most, width = len(spans), max(len(span.basis) for span in spans), spans[0].basis.shape[1]
    ground = _Ground(
        torch.zeros(clients, most, width),
        np.zeros((clients * most, most), np.float32),
        np.zeros(clients * most, np.int64),
        [np.arange(client * most, client * most + len(span.basis)) for client, span in enumerate(spans)],
    )
    for basis, span, places, own in zip(ground.bases, spans, ground.records, records, strict=True):
        basis[: len(places)] = span.basis
        ground.coordinates[places, : len(places)] = span.coordinates
        ground.labels[places] = labels.array[np.frombuffer(own, np.int64)]
    return ground


def _deviation(job: Job) -> float:
    """The standard deviation of what the noise of all steps adds to a weight."""
    steps = job.private
    assert steps is not None
    return steps.learning_rate / job.expected_batch * steps.noise_deviation * _lasting(steps.momentum, steps.steps)


@functools.lru_cache(maxsize=64)
def _lasting(momentum: float, steps: int) -> float:
    """The length of the vector of what each step weighs in the end: it is in the velocity at each later step, too."""
    return math.hypot(*itertools.accumulate(momentum**step for step in range(steps)))


@functools.lru_cache(maxsize=_SPANS)
def _span(network: Network, features: "_Itself", records: bytes) -> Span:
    """The span of a client's rows as they reach the first layer: found for each client by itself, and kept a while."""
    rows = _passed(network, torch.from_numpy(features.array[np.frombuffer(records, np.int64)]))
    short = torch.linalg.vector_norm(rows, dim=1, dtype=torch.float64) < _LONGEST  # NaN is not
    basis, triangle = torch.linalg.qr(rows.where(short.unsqueeze(1), 0.0).T)
    coordinates = triangle.T.where(short.unsqueeze(1), torch.nan)
    return Span(basis.T.contiguous(), coordinates.contiguous().numpy())


@dataclass(frozen=True, eq=False)
class _Itself:
    """An array that equals nothing but itself, for a cache to go by."""

    array: Any

    def __eq__(self, other: object) -> bool:
        """Whether it is of the same object."""
        return isinstance(other, _Itself) and other.array is self.array

    def __hash__(self) -> int:
        """The object's own."""
        return id(self.array)
