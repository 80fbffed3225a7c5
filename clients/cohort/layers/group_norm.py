"""torch.nn.GroupNorm: each sample's channels normalised in groups, over all positions."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from clients.cohort.layers.gradients import Explicit, SampleGradients
from clients.cohort.layers.rule import Kept, Rule, Stacked


@dataclass(frozen=True)
class GroupNorm:
    """Mean 0 and variance 1 in each of `groups`; then, if `affine`, times and plus a parameter a channel."""

    groups: int
    epsilon: float
    affine: bool

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """[K, B, C, ...] to the same; keeps the normalised values [K * B, C, ...]."""
        rows = inputs.flatten(0, 1).contiguous()
        normal, mean, deviation = torch.native_group_norm(
            rows, None, None, *self._sizes(rows), self.groups, self.epsilon
        )
        outputs = normal.view(inputs.shape)
        if self.affine:
            scale, bias = (_aligned(parameter, inputs) for parameter in parameters)
            outputs = outputs * scale + bias
        return outputs, (rows, normal, mean, deviation)

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """[K, B, C, ...] to the same."""
        rows, _, mean, deviation = kept
        inner = gradient * _aligned(parameters[0], gradient) if self.affine else gradient
        wanted = [True, False, False]
        found = torch.ops.aten.native_group_norm_backward(
            inner.flatten(0, 1).contiguous(), rows, mean, deviation, None, *self._sizes(rows), self.groups, wanted
        )
        return cast(Tensor, found[0].view(gradient.shape))

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """Of the scale and the bias: summed over the positions."""
        if not self.affine:
            return ()
        normal = kept[1].view(gradient.shape)
        # A sample may have channels alone; then each has one position.
        return tuple(Explicit(values.unsqueeze(3).flatten(3).sum(3)) for values in (gradient * normal, gradient))

    def _sizes(self, rows: Tensor) -> tuple[int, int, int]:
        """Samples, channels and positions."""
        samples, channels = rows.shape[:2]
        return samples, channels, rows.shape[2:].numel()


def _aligned(parameter: Tensor, like: Tensor) -> Tensor:
    """[K, C] as [K, 1, C, 1, ...]."""
    return parameter.view(len(parameter), 1, -1, *(1,) * (like.dim() - 3))


def rule_of(module: torch.nn.GroupNorm) -> Rule | None:
    """The rule of this layer."""
    return GroupNorm(module.num_groups, module.eps, module.affine)
