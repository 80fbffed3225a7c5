"""torch's activations: a function of each value by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from clients.cohort.layers.gradients import SampleGradients
from clients.cohort.layers.rule import Kept, Rule, Stacked

_aten: Any = torch.ops.aten


@dataclass(frozen=True)
class Pointwise:
    """`value` of each number. `slope` is the gradient of the outputs, times the derivative.

    The derivative is told from the outputs where these are enough (`of_outputs`), which the next layer keeps anyway,
    else from the inputs.
    """

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor, Tensor], Tensor]
    of_outputs: bool

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """[K, B, ...] to the same shape."""
        outputs = self.value(inputs)
        return outputs, (outputs if self.of_outputs else inputs,)

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """The gradient times the derivative."""
        return self.slope(gradient, kept[0])

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """None: there are no parameters."""
        return ()


def _relu_slope(gradient: Tensor, outputs: Tensor) -> Tensor:
    found: Tensor = _aten.threshold_backward(gradient, outputs, 0)
    return found


_RELU = Pointwise(torch.relu, _relu_slope, of_outputs=True)
_TANH = Pointwise(torch.tanh, _aten.tanh_backward, of_outputs=True)
_SIGMOID = Pointwise(torch.sigmoid, _aten.sigmoid_backward, of_outputs=True)
_SILU = Pointwise(torch.nn.functional.silu, _aten.silu_backward, of_outputs=False)
_GELU = Pointwise(torch.nn.functional.gelu, _aten.gelu_backward, of_outputs=False)


def relu_rule_of(module: torch.nn.ReLU) -> Rule | None:
    """max(x, 0); the derivative at 0 is 0, as torch has it."""
    return _RELU


def tanh_rule_of(module: torch.nn.Tanh) -> Rule | None:
    """The hyperbolic tangent."""
    return _TANH


def sigmoid_rule_of(module: torch.nn.Sigmoid) -> Rule | None:
    """1 / (1 + exp(-x))."""
    return _SIGMOID


def silu_rule_of(module: torch.nn.SiLU) -> Rule | None:
    """x times the sigmoid of x."""
    return _SILU


def gelu_rule_of(module: torch.nn.GELU) -> Rule | None:
    """x times the normal distribution function of x; None for its approximation by tanh."""
    return _GELU if module.approximate == "none" else None
