"""Plain SGD on few records: the weights of a first linear layer are never written, only what changes them is kept.

The gradient of y = x W^T + b by W is G^T X, of the outputs' gradients and the inputs. After the steps s,
W = W_0 + sum_s G_s^T X_s, and a row's outputs are x W_0^T + sum_s (x X_s^T) G_s + b: that takes one product with the
weights that all clients began with, and the scalar products of a client's own rows. While these rows are few, it is
less than to read and write every client's weights at each step.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from clients.batches import Batch
from clients.cohort.layers.gradients import Explicit, SampleGradients
from clients.cohort.layers.linear import Linear
from clients.cohort.layers.rule import Kept, Rule, Stacked
from clients.cohort.network import Network
from clients.cohort.objective import Objective
from clients.cohort.rows import Gatherer, Rows, Span, spans_of
from clients.cohort.stacks import Stack, cut, stacked
from clients.jobs import Job


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


def fitting(network: Network, jobs: Sequence[Job], batches: Sequence[Sequence[Batch]]) -> Divided | None:
    """The network cut for `descend`; None where jobs that agree as a chunk's do cannot be trained so, or it takes more.

    With as many rows a client as the layer has outputs, their scalar products take as long as a pass does.
    """
    first = jobs[0]
    parts = divided(network, first.features.shape[1:])
    if parts is None or first.private is not None or first.pull is not None or first.teacher is not None:
        return None
    shared = all(job.start is first.start for job in jobs)
    few = spans_of(batches)[-1].end <= parts.outputs
    return parts if shared and few and not first.training.momentum else None


def descend(
    network: Network, parts: Divided, jobs: Sequence[Job], batches: Sequence[Sequence[Batch]], updates: Stack
) -> None:
    """All steps of all clients, those with the most steps first; writes their updates, [K, *shape] a parameter."""
    spans = spans_of(batches)
    weights, *starts = cut(network, stacked([jobs[0].start]))
    rows = Gatherer(jobs[0].features, jobs[0].labels, len(jobs) * spans[-1].end).gather_all(jobs, batches, spans)
    layer = _FirstLayer(weights[0], _passed(parts.before, rows.inputs))
    objective = Objective(parts.after, jobs)
    parameters = [start.repeat(len(jobs), *[1] * (start.dim() - 1)) for start in starts]
    for span in spans:
        moving = [values[: span.clients] for values in parameters]
        some = Rows(layer.outputs, rows.labels, rows.present).part(span)
        found = objective.mean_gradients(moving, some, -jobs[0].training.learning_rate)
        for gradients, target in zip(found, moving, strict=True):
            gradients.add_to(target)
        assert isinstance(found[0], Explicit)  # the bias's, which are those of the outputs
        layer.learn(span, found[0].values)
    layer.write(updates[0])
    for ended, start, update in zip(parameters, starts, updates[1:], strict=True):
        torch.sub(ended, start, out=update)


def _passed(rules: Sequence[Rule], values: Tensor) -> Tensor:
    for rule in rules:
        values, _ = rule.forward((), values)
    return values


class _FirstLayer:
    """K clients' weights as the shared ones [O, P] and what they learn on `inputs` [K, N, P].

    `outputs` [K, N, O] are the products of each row with the weights as they are when its step comes.
    """

    def __init__(self, weights: Tensor, inputs: Tensor) -> None:
        self._inputs = inputs
        self._products = torch.bmm(inputs, inputs.mT)
        self.outputs = torch.matmul(inputs.flatten(0, 1), weights.T).view(*inputs.shape[:2], len(weights))
        self._learned = torch.zeros_like(self.outputs)

    def learn(self, span: Span, gradients: Tensor) -> None:
        """Add the outputs' gradients at a step's rows, [k, B, O], times minus the learning rate."""
        own = slice(span.begin, span.end)
        self._learned[: span.clients, own] = gradients
        self.outputs[: span.clients, span.end :].baddbmm_(self._products[: span.clients, span.end :, own], gradients)

    def write(self, update: Tensor) -> None:
        """The sum of all that was learned, to [K, O, P]."""
        torch.bmm(self._learned.mT, self._inputs, out=update)
