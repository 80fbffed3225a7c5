"""torch.nn.Linear, on vectors [features] or sequences [..., features]."""

from dataclasses import dataclass

import torch
from torch import Tensor

from clients.cohort.layers.gradients import Explicit, Product, SampleGradients
from clients.cohort.layers.rule import Kept, Rule, Stacked


@dataclass(frozen=True)
class Linear:
    """y = x W^T, with `bias` y = x W^T + b."""

    bias: bool

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """[K, B, ..., P] to [K, B, ..., O]."""
        weight = parameters[0]
        rows = inputs.flatten(1, -2)
        if self.bias:
            outputs = torch.baddbmm(parameters[1].unsqueeze(1), rows, weight.mT)
        else:
            outputs = torch.bmm(rows, weight.mT)
        return outputs.view(*inputs.shape[:-1], weight.shape[1]), (inputs,)

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """[K, B, ..., O] to [K, B, ..., P]."""
        return torch.bmm(gradient.flatten(1, -2), parameters[0]).view_as(kept[0])

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """Of the weight and, where there is one, of the bias."""
        (inputs,) = kept
        clients, samples = inputs.shape[:2]
        outputs = gradient.reshape(clients, samples, -1, gradient.shape[-1])
        weight = Product(outputs, inputs.reshape(clients, samples, -1, inputs.shape[-1]))
        if not self.bias:
            return (weight,)
        # A vector has one position: no sum, which would be a copy.
        return weight, Explicit(outputs.squeeze(2) if gradient.dim() == 3 else outputs.sum(2))


def rule_of(module: torch.nn.Linear) -> Rule | None:
    """The rule of this layer."""
    return Linear(module.bias is not None)
