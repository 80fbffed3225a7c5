"""The layers that models are built of: all zeros, so that building one draws nothing from torch's global generator.

`weights.initialise` then draws the starting values from a named stream.
"""

from typing import Literal

import torch

Activation = Literal["relu", "tanh"]


def linear(inputs: int, outputs: int) -> torch.nn.Module:
    """A fully connected layer."""
    return _zeroed(torch.nn.utils.skip_init(torch.nn.Linear, inputs, outputs))


def convolution(inputs: int, outputs: int, kernel: int, stride: int, padding: int = 0) -> torch.nn.Module:
    """A two-dimensional convolution with a square kernel."""
    return _zeroed(torch.nn.utils.skip_init(torch.nn.Conv2d, inputs, outputs, kernel, stride=stride, padding=padding))


def activation(name: Activation) -> torch.nn.Module:
    """The non-linearity called `name`."""
    return torch.nn.Tanh() if name == "tanh" else torch.nn.ReLU()


def _zeroed(layer: torch.nn.Module) -> torch.nn.Module:
    for parameter in layer.parameters():
        torch.nn.init.zeros_(parameter)
    return layer
