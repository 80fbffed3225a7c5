"""The layers that models are built of: all zeros, so that building one draws nothing from torch's global generator.

`weights.initialise` then draws the starting values from a named stream.
"""

from typing import Literal

import torch

Activation = Literal["relu", "tanh", "sigmoid", "silu", "gelu"]

_ACTIVATIONS: dict[Activation, type[torch.nn.Module]] = {
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
    "sigmoid": torch.nn.Sigmoid,
    "silu": torch.nn.SiLU,
    "gelu": torch.nn.GELU,
}


def linear(inputs: int, outputs: int) -> torch.nn.Module:
    """A fully connected layer."""
    return _zeroed(torch.nn.Linear(inputs, outputs, device="meta"))


def convolution(inputs: int, outputs: int, kernel: int, stride: int, padding: int = 0) -> torch.nn.Module:
    """A two-dimensional convolution with a square kernel."""
    return _zeroed(torch.nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, device="meta"))


def group_norm(groups: int, channels: int) -> torch.nn.Module:
    """Normalises the channels in groups."""
    return _zeroed(torch.nn.GroupNorm(groups, channels, device="meta"))


def layer_norm(shape: tuple[int, ...]) -> torch.nn.Module:
    """Normalises all values of this shape together."""
    return _zeroed(torch.nn.LayerNorm(shape, device="meta"))


def activation(name: Activation) -> torch.nn.Module:
    """The non-linearity called `name`."""
    return _ACTIVATIONS[name]()


def _zeroed(layer: torch.nn.Module) -> torch.nn.Module:
    """The layer in memory; on torch's "meta" device, where it was made, nothing is drawn or stored.

    Its own `to_empty` would import SymPy for that, half a second of a run's start.
    """
    for name, parameter in list(layer.named_parameters()):
        setattr(layer, name, torch.nn.Parameter(torch.zeros(parameter.shape)))
    return layer
