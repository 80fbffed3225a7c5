"""What a layer's rule is: its forward and backward pass for K clients at once, each with its own parameters."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from clients.cohort.layers.gradients import SampleGradients

Kept = tuple[Tensor, ...]
"""What a forward pass keeps for the backward pass."""

Stacked = Sequence[Tensor]
"""A layer's parameters in the module's own order, [K, *shape] each; empty for a layer without any."""

Pair = tuple[int, int]
"""A size along the height and along the width."""


class Rule(Protocol):
    """A layer's passes, without autograd. Nothing a client's rows hold may reach another client's."""

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """[K, B, *input shape] to [K, B, *output shape], and what the backward pass needs."""
        ...

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """The gradient of the outputs, [K, B, *output shape], to that of the inputs."""
        ...

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """The gradient of the outputs to the per-sample gradients of each parameter."""
        ...


def pair_of(size: int | tuple[int, ...]) -> Pair:
    """A module's size, which may be one number for both sides."""
    height, width = (size, size) if isinstance(size, int) else size
    return height, width
