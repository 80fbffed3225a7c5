"""A model's layers as rules: read off its module once a process, so that no client has a module of its own."""

import functools
import itertools
import logging
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from clients.cohort.layers import rule_of
from clients.cohort.layers.gradients import SampleGradients
from clients.cohort.layers.rule import Kept, Rule
from scenarios.models import AnyModel

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Network:
    """Rules one after another.

    `shapes` are those of all parameters in the order of `module.parameters()`; layer i has the parameters
    `slices[i]`. `kept_values` is how many numbers the forward pass of one sample keeps.
    """

    rules: tuple[Rule, ...]
    slices: tuple[slice, ...]
    shapes: tuple[tuple[int, ...], ...]
    kept_values: int

    @property
    def size(self) -> int:
        """The number of parameters, d."""
        return sum(math.prod(shape) for shape in self.shapes)

    @property
    def lowest(self) -> int:
        """The lowest layer that has parameters."""
        return next(index for index, own in enumerate(self.slices) if own.start != own.stop)

    def forward(self, parameters: list[Tensor], inputs: Tensor) -> tuple[Tensor, list[Kept]]:
        """[K, B, *input shape] to logits [K, B, classes], and what each layer keeps."""
        kept = []
        values = inputs
        for rule, own in zip(self.rules, self.slices, strict=True):
            values, keeps = rule.forward(parameters[own], values)
            kept.append(keeps)
        return values, kept

    def gradients(self, parameters: list[Tensor], kept: list[Kept], gradient: Tensor) -> list[SampleGradients]:
        """The gradient of the logits to the per-sample gradients of every parameter, in the parameters' order.

        Nothing is computed below the lowest layer that has parameters.
        """
        found: list[SampleGradients] = []
        lowest = self.lowest
        for index in range(len(self.rules) - 1, lowest - 1, -1):
            rule, own = self.rules[index], self.slices[index]
            found[:0] = rule.gradients(kept[index], gradient)
            if index > lowest:
                gradient = rule.backward(parameters[own], kept[index], gradient)
        return found


@functools.lru_cache(maxsize=16)
def network_of(model: AnyModel, input_shape: tuple[int, ...], classes: int) -> Network | None:
    """The model as a Network, or None, said once on the log, where no rule fits a layer or its parameters."""
    module = model.build(input_shape, classes)
    layers = _layers(module)
    found = [(layer, rule_of(layer)) for layer in layers]
    missing = {type(layer).__name__ for layer, rule in found if rule is None or not _is_plain(layer, module)}
    if missing:
        _say_once(", ".join(sorted(missing)))
        return None
    return _joined(layers, [rule for _, rule in found if rule is not None], input_shape)


@functools.lru_cache
def _say_once(missing: str) -> None:
    _logger.warning("no cohort rule for this %s: clients train one after another", missing)


def _is_plain(layer: torch.nn.Module, module: torch.nn.Module) -> bool:
    """Whether all of the layer's parameters are trained, and are its own."""
    owners = [id(parameter) for part in _layers(module) for parameter in part.parameters()]
    return all(parameter.requires_grad and owners.count(id(parameter)) == 1 for parameter in layer.parameters())


def _layers(module: torch.nn.Module) -> list[torch.nn.Module]:
    """The layers of nested Sequentials in order; any other module is one layer."""
    if type(module) is not torch.nn.Sequential:
        return [module]
    return [layer for part in module for layer in _layers(part)]


def _joined(layers: list[torch.nn.Module], rules: list[Rule], input_shape: tuple[int, ...]) -> Network:
    """The network of these rules; one sample of zeros passes through it to see what is kept."""
    parameters = [list(layer.parameters()) for layer in layers]
    ends = [0]
    for own in parameters:
        ends.append(ends[-1] + len(own))
    slices = tuple(slice(begin, end) for begin, end in itertools.pairwise(ends))
    flat = [parameter.detach().unsqueeze(0) for own in parameters for parameter in own]
    network = Network(tuple(rules), slices, tuple(tuple(parameter.shape[1:]) for parameter in flat), 0)
    with torch.no_grad():
        _, kept = network.forward(flat, torch.zeros(1, 1, *input_shape))
    values = sum(tensor.numel() for keeps in kept for tensor in keeps)
    return Network(network.rules, network.slices, network.shapes, values)
