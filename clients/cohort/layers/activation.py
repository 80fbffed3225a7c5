"""torch.nn.ReLU and torch.nn.Tanh: a function of each value by itself."""

from typing import cast

import torch
from torch import Tensor

from clients.cohort.layers.gradients import SampleGradients
from clients.cohort.layers.rule import Kept, Rule, Stacked


class Relu:
    """max(x, 0); the derivative at 0 is 0, as torch has it."""

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """[K, B, ...] to the same shape."""
        outputs = torch.relu(inputs)
        return outputs, (outputs,)

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """The gradient where the output is positive."""
        return cast(Tensor, torch.ops.aten.threshold_backward(gradient, kept[0], 0))

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """None: there are no parameters."""
        return ()


class Tanh:
    """tanh(x), whose derivative is 1 - tanh(x)^2."""

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """[K, B, ...] to the same shape."""
        outputs = torch.tanh(inputs)
        return outputs, (outputs,)

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """The gradient times the derivative."""
        return cast(Tensor, torch.ops.aten.tanh_backward(gradient, kept[0]))

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """None: there are no parameters."""
        return ()


def relu_rule_of(module: torch.nn.ReLU) -> Rule | None:
    """The rule of this layer."""
    return Relu()


def tanh_rule_of(module: torch.nn.Tanh) -> Rule | None:
    """The rule of this layer."""
    return Tanh()
