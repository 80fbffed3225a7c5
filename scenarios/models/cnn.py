"""A small convolutional network, that of Opacus' MNIST example (26,010 parameters on 28 x 28 pixels).

tanh bounds the activations and so wastes less of each clipped gradient (Papernot et al. 2021, arXiv 2007.14191).
"""

from typing import TYPE_CHECKING, Literal

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Inputs
from scenarios.models.shapes import require_image

if TYPE_CHECKING:
    import torch

_FULL_SIZE = 14
_SMALLEST = 7


class Cnn(Parameters):
    """`model = { kind = "cnn", activation = "tanh" }`: two convolutions, two fully connected layers.

    From 14 pixels a side the first convolution is Opacus' 8 x 8 with stride 2; smaller images, from 7 pixels, would not
    survive it and get 3 x 3 with stride 1.
    """

    kind: Literal["cnn"] = "cnn"
    activation: Literal["relu", "tanh"] = "tanh"
    """The nonlinearity after each layer but the last."""

    def recipe(self) -> str:
        """Empty: the features are the records."""
        return ""

    def features(self, inputs: Inputs) -> Inputs:
        """The records themselves. Raises ScenarioError where they are no images or too small."""
        require_image(self.kind, inputs.shape[1:], _SMALLEST)
        return inputs

    def size(self, record: tuple[int, ...], classes: int) -> int:
        """How many parameters the model has. Raises ScenarioError where a record is no image or too small."""
        channels, kernel, _, _, flat = self._layout(record)
        convolutions = (channels * kernel**2 + 1) * 16 + (16 * 4**2 + 1) * 32
        return convolutions + (flat + 1) * 32 + (32 + 1) * classes

    def _layout(self, record: tuple[int, ...]) -> tuple[int, int, int, int, int]:
        """Channels, the first convolution's kernel, stride and padding, and the values that reach the linear layers."""
        channels, height, width = require_image(self.kind, record, _SMALLEST)
        small = min(height, width) < _FULL_SIZE
        kernel, stride, padding = (3, 1, 1) if small else (8, 2, 3)
        flat = 32
        for side in (height, width):
            first = (side + 2 * padding - kernel) // stride + 1
            flat *= ((first - 1) - 4) // 2 + 1 - 1  # pooled, convolved, pooled
        return channels, kernel, stride, padding, flat

    def build(self, input_shape: tuple[int, ...], classes: int) -> "torch.nn.Module":
        """A module of zeros from float32[batch, *input_shape] to float32[batch, classes].

        Raises ScenarioError where a record is no image or too small.
        """
        import torch

        from scenarios.models import layers

        channels, kernel, stride, padding, flat = self._layout(input_shape)
        return torch.nn.Sequential(
            layers.convolution(channels, 16, kernel, stride, padding),
            layers.activation(self.activation),
            torch.nn.MaxPool2d(2, stride=1),
            layers.convolution(16, 32, 4, 2),
            layers.activation(self.activation),
            torch.nn.MaxPool2d(2, stride=1),
            torch.nn.Flatten(),
            layers.linear(flat, 32),
            layers.activation(self.activation),
            layers.linear(32, classes),
        )
