"""Pooling: of each window of an image one value a channel."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from scenarios.models.sequential.layer import Layer, Shape, image, windows

if TYPE_CHECKING:
    import torch


class _Pooling(Layer):
    kernel: Annotated[int, Field(ge=1, le=64)] = 2
    """The window's side in pixels."""
    stride: Annotated[int, Field(ge=1, le=64)] | None = None
    """How many pixels the window moves on; left out, its own side."""

    @property
    def _pace(self) -> int:
        return self.stride or self.kernel

    def shape(self, record: Shape) -> Shape:
        """The same channels, and a pixel for every place of the window."""
        channels, height, width = image(record)
        return channels, *windows((height, width), self.kernel, self._pace, 0)


class MaxPool2d(_Pooling):
    """`{ kind = "max-pool2d", kernel = 2 }`: the largest value of each window."""

    kind: Literal["max-pool2d"] = "max-pool2d"

    def build(self, record: Shape) -> "list[torch.nn.Module]":
        """The layer."""
        import torch

        return [torch.nn.MaxPool2d(self.kernel, self._pace)]


class AvgPool2d(_Pooling):
    """`{ kind = "avg-pool2d", kernel = 2 }`: the mean of each window."""

    kind: Literal["avg-pool2d"] = "avg-pool2d"

    def build(self, record: Shape) -> "list[torch.nn.Module]":
        """The layer."""
        import torch

        return [torch.nn.AvgPool2d(self.kernel, self._pace)]
