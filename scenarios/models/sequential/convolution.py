"""A convolution over an image."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from scenarios.models.sequential.layer import Layer, Shape, image, windows

if TYPE_CHECKING:
    import torch


class Conv2d(Layer):
    """`{ kind = "conv2d", channels = 16, kernel = 3, padding = 1 }`."""

    kind: Literal["conv2d"] = "conv2d"
    channels: Annotated[int, Field(ge=1, le=4096)]
    """How many channels leave it."""
    kernel: Annotated[int, Field(ge=1, le=64)] = 3
    """The window's side in pixels."""
    stride: Annotated[int, Field(ge=1, le=64)] = 1
    """How many pixels the window moves on."""
    padding: Annotated[int, Field(ge=0, le=64)] = 0
    """How many zeros stand before and behind each row and column."""

    def shape(self, record: Shape) -> Shape:
        """An image of other channels, and a pixel for every place of the window."""
        _, height, width = image(record)
        return self.channels, *windows((height, width), self.kernel, self.stride, self.padding)

    def size(self, record: Shape) -> int:
        """Weights and biases."""
        return (record[0] * self.kernel**2 + 1) * self.channels

    def build(self, record: Shape) -> "list[torch.nn.Module]":
        """The layer."""
        from scenarios.models import layers

        return [layers.convolution(record[0], self.channels, self.kernel, self.stride, self.padding)]
