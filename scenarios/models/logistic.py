"""Multinomial logistic regression on the records as they are."""

import math
from typing import TYPE_CHECKING, Literal

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Inputs

if TYPE_CHECKING:
    import torch


class Logistic(Parameters):
    """`model = { kind = "logistic" }`: (values of a record + 1) x classes parameters."""

    kind: Literal["logistic"] = "logistic"

    def recipe(self) -> str:
        """Empty: the features are the records."""
        return ""

    def features(self, inputs: Inputs) -> Inputs:
        """The records themselves."""
        return inputs

    def size(self, record: tuple[int, ...], classes: int) -> int:
        """How many parameters the model has for records of this shape."""
        return linear_size(record, classes)

    def build(self, input_shape: tuple[int, ...], classes: int) -> "torch.nn.Module":
        """A module of zeros from float32[batch, *input_shape] to float32[batch, classes]."""
        return linear_classifier(input_shape, classes)


def linear_size(input_shape: tuple[int, ...], classes: int) -> int:
    """The parameters of `linear_classifier`."""
    return (math.prod(input_shape) + 1) * classes


def linear_classifier(input_shape: tuple[int, ...], classes: int) -> "torch.nn.Module":
    """One fully connected layer on a flattened record. An empty batch passes, as Poisson sampling needs."""
    import torch

    from scenarios.models import layers

    return torch.nn.Sequential(torch.nn.Flatten(), layers.linear(math.prod(input_shape), classes))
