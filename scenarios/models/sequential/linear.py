"""A fully connected layer."""

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from scenarios.models.sequential.layer import Layer, Shape

if TYPE_CHECKING:
    import torch


class Linear(Layer):
    """`{ kind = "linear", outputs = 64 }`: of all values that come to it, an image's too, in one row."""

    kind: Literal["linear"] = "linear"
    outputs: Annotated[int, Field(ge=1, le=65_536)]
    """How many values leave it."""

    def shape(self, record: Shape) -> Shape:
        """One row."""
        return (self.outputs,)

    def size(self, record: Shape) -> int:
        """Weights and biases."""
        return (math.prod(record) + 1) * self.outputs

    def build(self, record: Shape) -> "list[torch.nn.Module]":
        """The layer, behind one that makes a row of an image."""
        import torch

        from scenarios.models import layers

        flatten = [torch.nn.Flatten()] if len(record) > 1 else []
        return [*flatten, layers.linear(math.prod(record), self.outputs)]
