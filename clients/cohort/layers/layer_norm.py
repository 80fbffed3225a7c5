"""torch.nn.LayerNorm: each sample's values normalised over its last dimensions."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from clients.cohort.layers.gradients import Explicit, SampleGradients
from clients.cohort.layers.rule import Kept, Rule, Stacked


@dataclass(frozen=True)
class LayerNorm:
    """Mean 0 and variance 1 over `shape`; then, with `scale` and `bias`, times and plus a parameter a value."""

    shape: tuple[int, ...]
    epsilon: float
    scale: bool
    bias: bool

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """[K, B, ..., *shape] to the same; keeps the normalised values."""
        normal, mean, deviation = torch.native_layer_norm(inputs, self.shape, None, None, self.epsilon)
        outputs = normal
        if self.scale:
            outputs = outputs * self._aligned(parameters[0], inputs)
        if self.bias:
            outputs = outputs + self._aligned(parameters[-1], inputs)
        return outputs, (inputs, normal, mean, deviation)

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """[K, B, ..., *shape] to the same."""
        inputs, _, mean, deviation = kept
        inner = gradient * self._aligned(parameters[0], inputs) if self.scale else gradient
        wanted = [True, False, False]
        found = torch.ops.aten.native_layer_norm_backward(
            inner.contiguous(), inputs, self.shape, mean, deviation, None, None, wanted
        )
        return cast(Tensor, found[0])

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """Of the scale and the bias, where there are any, summed over what is between the sample and `shape`."""
        values = [gradient * kept[1]] if self.scale else []
        values += [gradient] if self.bias else []
        inner = len(self.shape)
        return tuple(Explicit(one.reshape(*one.shape[:2], -1, *one.shape[-inner:]).sum(2)) for one in values)

    def _aligned(self, parameter: Tensor, like: Tensor) -> Tensor:
        """[K, *shape] as [K, 1, ..., *shape]."""
        between = like.dim() - parameter.dim()
        return parameter.view(len(parameter), *(1,) * between, *self.shape)


def rule_of(module: torch.nn.LayerNorm) -> Rule | None:
    """The rule of this layer."""
    shape = tuple(module.normalized_shape)
    return LayerNorm(shape, module.eps, module.weight is not None, module.bias is not None)
