"""A multilayer perceptron."""

import itertools
import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Inputs

if TYPE_CHECKING:
    import torch


class Mlp(Parameters):
    """`model = { kind = "mlp", hidden = [64], activation = "relu" }`."""

    kind: Literal["mlp"] = "mlp"
    hidden: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        default=(64,), min_length=1, max_length=8, strict=False
    )
    """The width of each hidden layer."""
    activation: Literal["relu", "tanh"] = "relu"
    """The nonlinearity after each hidden layer."""

    def recipe(self) -> str:
        """Empty: the features are the records."""
        return ""

    def features(self, inputs: Inputs) -> Inputs:
        """The records themselves."""
        return inputs

    def size(self, record: tuple[int, ...], classes: int) -> int:
        """How many parameters the model has for records of this shape."""
        widths = [math.prod(record), *self.hidden, classes]
        return sum((inputs + 1) * outputs for inputs, outputs in itertools.pairwise(widths))

    def build(self, input_shape: tuple[int, ...], classes: int) -> "torch.nn.Module":
        """A module of zeros from float32[batch, *input_shape] to float32[batch, classes]."""
        import torch

        from scenarios.models import layers

        widths = [math.prod(input_shape), *self.hidden]
        parts: list[torch.nn.Module] = [torch.nn.Flatten()]
        for inputs, outputs in itertools.pairwise(widths):
            parts += [layers.linear(inputs, outputs), layers.activation(self.activation)]
        return torch.nn.Sequential(*parts, layers.linear(widths[-1], classes))
