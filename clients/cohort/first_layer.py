"""Plain SGD on few records: the weights of a first linear layer are never written, only what changes them is kept.

The gradient of y = x W^T + b by W is G^T X, of the outputs' gradients and the inputs. So after any steps W is
W_0 + L^T X, where X are a client's own rows and L, a row of numbers for each of them, sums up the gradients of its
visits. A row's outputs are x W_0^T + (x X^T) L + b: that takes one product with the weights that all clients began
with, and the scalar products of a client's own rows, which are the same in every round. While these rows are few, it is
less than to read and write every client's weights at each step.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clients.batches import Batch
from clients.cohort.layers.gradients import Explicit, SampleGradients
from clients.cohort.layers.linear import Linear
from clients.cohort.layers.rule import Kept, Rule, Stacked
from clients.cohort.network import Network
from clients.cohort.objective import Objective
from clients.cohort.rows import Gatherer, Rows, padded
from clients.cohort.stacks import Stack, cut, stacked
from clients.jobs import Job

_MOST_PASSES = 2
"""More of them would pay for more rows still, which are kept from round to round and have to fit into memory."""


@dataclass(frozen=True, eq=False)
class Divided:
    """A network cut at its first weights, of a linear layer with `outputs` outputs.

    `before` are the rules that lead there, without parameters. `after` takes x W^T; the layer's bias is its first
    parameter.
    """

    before: tuple[Rule, ...]
    outputs: int
    after: Network


class _Bias:
    """What is left of a linear layer behind its weights: y = x + b."""

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """[K, B, O] to [K, B, O]."""
        return inputs + parameters[0].unsqueeze(1), ()

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """The same."""
        return gradient

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """That of the outputs."""
        return (Explicit(gradient),)


@functools.lru_cache(maxsize=16)
def divided(network: Network, input_shape: tuple[int, ...]) -> Divided | None:
    """The network cut at its first weights; None where these are not a linear layer's, on vectors and with a bias."""
    first = network.lowest
    rule, values = network.rules[first], _passed(network.rules[:first], torch.zeros(1, 1, *input_shape))
    if not isinstance(rule, Linear) or not rule.bias or values.dim() != 3:
        return None
    behind = [slice(own.start - 1, own.stop - 1) for own in network.slices[first + 1 :]]
    rules, slices = (_Bias(), *network.rules[first + 1 :]), (slice(0, 1), *behind)
    after = replace(network, rules=rules, slices=slices, shapes=network.shapes[1:])
    return Divided(network.rules[:first], network.shapes[0][0], after)


def fitting(network: Network, jobs: Sequence[Job]) -> Divided | None:
    """The network cut for `descend`; None where jobs that agree as a chunk's do cannot be trained so, or it takes more.

    With as many rows a client as the layer has outputs, their scalar products take as long as a pass does; with several
    passes they pay for more.
    """
    first = jobs[0]
    parts = divided(network, first.features.shape[1:])
    if parts is None or first.private is not None or first.pull is not None or first.teacher is not None:
        return None
    shared = all(job.start is first.start for job in jobs)
    few = all(len(job.records) <= min(job.training.epochs, _MOST_PASSES) * parts.outputs for job in jobs)
    return parts if shared and few and not first.training.momentum else None


def descend(
    network: Network, parts: Divided, jobs: Sequence[Job], batches: Sequence[Sequence[Batch]], updates: Stack
) -> None:
    """All steps of all clients, those with the most steps first; writes their updates, [K, *shape] a parameter."""
    weights, *starts = cut(network, stacked([jobs[0].start]))
    layer = _FirstLayer(weights[0], _own_rows(parts, jobs))
    objective = Objective(parts.after, jobs)
    parameters = [start.repeat(len(jobs), *[1] * (start.dim() - 1)) for start in starts]
    for step in range(len(batches[0])):
        places, rows = layer.take([own[step] for own in batches if step < len(own)])
        moving = [values[: len(rows.present)] for values in parameters]
        found = objective.mean_gradients(moving, rows, -jobs[0].training.learning_rate)
        for gradients, target in zip(found, moving, strict=True):
            gradients.add_to(target)
        assert isinstance(found[0], Explicit)  # the bias's, which are those of the outputs
        layer.learn(places, found[0].values)
    layer.write(updates[0])
    for ended, start, update in zip(parameters, starts, updates[1:], strict=True):
        torch.sub(ended, start, out=update)


@dataclass(frozen=True, eq=False)
class _OwnRows:
    """All rows of K clients as the layer takes them, [K, N, P], their labels [K, N] and scalar products [K, N, N]."""

    inputs: Tensor
    labels: Tensor
    products: Tensor


def _own_rows(parts: Divided, jobs: Sequence[Job]) -> _OwnRows:
    records = tuple(job.records.tobytes() for job in jobs)
    return _kept_rows(parts, _Itself(jobs[0].features), _Itself(jobs[0].labels), records)


@functools.lru_cache(maxsize=8)
def _kept_rows(parts: Divided, features: "_Itself", labels: "_Itself", records: tuple[bytes, ...]) -> _OwnRows:
    """Where everybody trains in every round, so do the same chunks; others are seldom met again."""
    own = [np.frombuffer(lasting, np.int64) for lasting in records]
    rows = Gatherer(features.array, labels.array, len(own) * max(map(len, own))).gather(own)
    inputs = _passed(parts.before, rows.inputs)
    return _OwnRows(inputs, rows.labels, torch.bmm(inputs, inputs.mT))


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


def _passed(rules: Sequence[Rule], values: Tensor) -> Tensor:
    for rule in rules:
        values, _ = rule.forward((), values)
    return values


class _FirstLayer:
    """K clients' weights as the shared ones [O, P] and what they learn on their own rows, whose places are batches."""

    def __init__(self, weights: Tensor, own: _OwnRows) -> None:
        self._own = own
        self._begun = torch.matmul(own.inputs.flatten(0, 1), weights.T)
        self._learned = torch.zeros(*own.labels.shape, len(weights))

    def take(self, batches: Sequence[Batch]) -> tuple[Tensor, Rows]:
        """A step's rows for the first clients: where they lie, [k * B], and their products with the weights by now."""
        own, clients = self._own, len(batches)
        numbers, present = padded(batches)
        numbers += own.labels.shape[1] * np.arange(clients)[:, np.newaxis]
        places = torch.from_numpy(numbers).flatten()
        products = own.products.flatten(0, 1).index_select(0, places).view(*numbers.shape, -1)
        outputs = self._begun.index_select(0, places).view(*numbers.shape, -1)
        outputs.baddbmm_(products, self._learned[:clients])
        labels = own.labels.flatten().index_select(0, places).view(numbers.shape)
        rows = Rows(outputs, labels, torch.from_numpy(present))
        if not present.all():
            rows.leave_out(~rows.present)
        return places, rows

    def learn(self, places: Tensor, gradients: Tensor) -> None:
        """Add the outputs' gradients at a step's rows, [k, B, O], times minus the learning rate."""
        self._learned.flatten(0, 1).index_add_(0, places, gradients.flatten(0, 1))

    def write(self, update: Tensor) -> None:
        """The sum of all that was learned, to [K, O, P]."""
        torch.bmm(self._learned.mT, self._own.inputs, out=update)
