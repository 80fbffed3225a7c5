"""What a layer of a sequential model is: the shape that it makes of another, how many parameters it has, its module."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from privacy.parameters import Parameters

if TYPE_CHECKING:
    import torch

Shape = tuple[int, ...]
"""Of one record: (values,) or (channels, height, width)."""


class Layer(Parameters, ABC):
    """A layer as a person fills it in. `size` and `build` are asked only for shapes that `shape` takes."""

    @abstractmethod
    def shape(self, record: Shape) -> Shape:
        """The shape of what leaves the layer. Raises ValueError, with what it needs, for a record it cannot take."""

    def size(self, record: Shape) -> int:
        """How many parameters the layer has."""
        return 0

    @abstractmethod
    def build(self, record: Shape) -> "list[torch.nn.Module]":
        """Modules of zeros, one after another, from float32[batch, *record] to float32[batch, *shape(record)]."""


def image(record: Shape) -> tuple[int, int, int]:
    """The record's channels, height and width. Raises ValueError where it is no image."""
    if len(record) != 3:
        raise ValueError(f"needs images, but what comes to it has the shape {record}")
    channels, height, width = record
    return channels, height, width


def windows(sides: tuple[int, int], kernel: int, stride: int, padding: int) -> tuple[int, int]:
    """How often a window of `kernel` pixels a side fits. Raises ValueError where it does not fit once."""
    if min(sides) + 2 * padding < kernel:
        height, width = sides
        padded = f", with padding {padding}" if padding else ""
        raise ValueError(f"a window of {kernel} x {kernel} pixels does not fit into {height} x {width}{padded}")
    height, width = ((side + 2 * padding - kernel) // stride + 1 for side in sides)
    return height, width
