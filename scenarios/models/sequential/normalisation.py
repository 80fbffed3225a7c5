"""Normalisation of each record by itself: mean 0 and variance 1, then a factor and an offset that are trained."""

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from scenarios.models.sequential.layer import Layer, Shape

if TYPE_CHECKING:
    import torch


class GroupNorm(Layer):
    """`{ kind = "group-norm", groups = 4 }`: channels normalised in groups, over all pixels; of a row, its values."""

    kind: Literal["group-norm"] = "group-norm"
    groups: Annotated[int, Field(ge=1, le=4096)]
    """How many groups of equal size the channels fall into."""

    def shape(self, record: Shape) -> Shape:
        """The same."""
        if record[0] % self.groups:
            raise ValueError(f"{self.groups} groups cannot share {record[0]} channels equally")
        if math.prod(record) == self.groups:
            raise ValueError(f"a group of one value would always be 0: what comes to it has the shape {record}")
        return record

    def size(self, record: Shape) -> int:
        """A factor and an offset a channel."""
        return 2 * record[0]

    def build(self, record: Shape) -> "list[torch.nn.Module]":
        """The layer."""
        from scenarios.models import layers

        return [layers.group_norm(self.groups, record[0])]


class LayerNorm(Layer):
    """`"layer-norm"`: all values of a record normalised together."""

    kind: Literal["layer-norm"] = "layer-norm"

    def shape(self, record: Shape) -> Shape:
        """The same."""
        if math.prod(record) == 1:
            raise ValueError("a single value, normalised by itself, would always be 0")
        return record

    def size(self, record: Shape) -> int:
        """A factor and an offset a value."""
        return 2 * math.prod(record)

    def build(self, record: Shape) -> "list[torch.nn.Module]":
        """The layer."""
        from scenarios.models import layers

        return [layers.layer_norm(record)]
