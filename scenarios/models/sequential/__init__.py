"""A network written down layer by layer: a model of your own without code of your own."""

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from privacy.errors import ScenarioError
from privacy.parameters import Named, Parameters
from scenarios.datasets.dataset import Inputs
from scenarios.models.sequential.activation import Gelu, Relu, Sigmoid, Silu, Tanh
from scenarios.models.sequential.convolution import Conv2d
from scenarios.models.sequential.layer import Shape
from scenarios.models.sequential.linear import Linear
from scenarios.models.sequential.normalisation import GroupNorm, LayerNorm
from scenarios.models.sequential.pooling import AvgPool2d, MaxPool2d

if TYPE_CHECKING:
    import torch

AnyLayer = Linear | Conv2d | MaxPool2d | AvgPool2d | GroupNorm | LayerNorm | Relu | Tanh | Sigmoid | Silu | Gelu
LayerParameters = Annotated[AnyLayer, Field(discriminator="kind"), Named]

MOST_PARAMETERS = 100_000_000
MOST_VALUES = 4_000_000
"""Of one record, between two layers: 16 MB, and every record of a cohort's batches has as many."""


class Sequential(Parameters):
    """`model = { kind = "sequential", layers = [{ kind = "linear", outputs = 64 }, "relu"] }`: that is an `mlp`.

    Records pass the layers in order; a linear layer to the classes comes last by itself. Layers are torch's of these
    names, and begin as torch begins them. None looks at more than one record, as privacy for records needs it: batch
    normalisation is not among them, group and layer normalisation are.
    """

    kind: Literal["sequential"] = "sequential"
    layers: tuple[LayerParameters, ...] = Field(min_length=1, max_length=64, strict=False)
    """The layers before the last, in order."""

    def recipe(self) -> str:
        """Empty: the features are the records."""
        return ""

    def features(self, inputs: Inputs) -> Inputs:
        """The records themselves. Raises ScenarioError where a layer cannot take what comes to it."""
        self._shapes(inputs.shape[1:])
        return inputs

    def size(self, record: tuple[int, ...], classes: int) -> int:
        """How many parameters the model has.

        Raises ScenarioError where a layer cannot take what comes to it, or where they are too many.
        """
        *before, last = self._shapes(record)
        own = sum(layer.size(shape) for layer, shape in zip(self.layers, before, strict=True))
        total = own + (math.prod(last) + 1) * classes
        if total > MOST_PARAMETERS:
            problem = f"{total:,} parameters; at most {MOST_PARAMETERS:,} can be trained here"
            raise ScenarioError([f"model.layers: {problem}"])
        return total

    def build(self, input_shape: tuple[int, ...], classes: int) -> "torch.nn.Module":
        """A module of zeros from float32[batch, *input_shape] to float32[batch, classes].

        Raises ScenarioError where a layer cannot take what comes to it.
        """
        import torch

        from scenarios.models import layers

        *before, last = self._shapes(input_shape)
        parts = [part for layer, shape in zip(self.layers, before, strict=True) for part in layer.build(shape)]
        return torch.nn.Sequential(*parts, torch.nn.Flatten(), layers.linear(math.prod(last), classes))

    def _shapes(self, record: Shape) -> list[Shape]:
        """What comes to each layer, and what leaves the last. Raises ScenarioError at the first that cannot take it."""
        shapes = [record]
        for number in range(len(self.layers)):
            shapes.append(self._left(number, shapes[-1]))
        return shapes

    def _left(self, number: int, shape: Shape) -> Shape:
        """The shape that a layer makes of another."""
        try:
            left = self.layers[number].shape(shape)
        except ValueError as error:
            raise ScenarioError([f"model.layers[{number}].kind: {error}"]) from None
        if math.prod(left) > MOST_VALUES:
            problem = f"{math.prod(left):,} values of each record leave it; at most {MOST_VALUES:,} can be held"
            raise ScenarioError([f"model.layers[{number}].kind: {problem}"])
        return left
