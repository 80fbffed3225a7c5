"""torch.nn.Flatten from the first dimension after the batch to the last."""

import torch
from torch import Tensor

from clients.cohort.layers.gradients import SampleGradients
from clients.cohort.layers.rule import Kept, Rule, Stacked


class Flatten:
    """Each sample's values in one row, in the module's order whatever their order in memory."""

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """[K, B, ...] to [K, B, values]."""
        return inputs.flatten(2), (inputs,)

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """[K, B, values] to [K, B, ...]."""
        return gradient.view_as(kept[0])

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """None: there are no parameters."""
        return ()


def rule_of(module: torch.nn.Flatten) -> Rule | None:
    """The rule of this layer, or None where it would keep some dimensions."""
    return Flatten() if (module.start_dim, module.end_dim) == (1, -1) else None
