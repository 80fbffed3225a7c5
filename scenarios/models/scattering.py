"""A linear model on scattering features: wavelets that nobody trained, so privacy pays for the last layer only.

Source: Tramer & Boneh 2021, arXiv 2011.11660: under differential privacy these beat small convolutional networks.
Each record is normalised by itself (group normalisation, 3 channels a group, theirs for MNIST). Statistics of the
data set would be released with the model, outside of the ledger.
"""

from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from typing import TYPE_CHECKING, Literal

import numpy as np

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Inputs
from scenarios.models.logistic import linear_classifier, linear_size
from scenarios.models.shapes import require_image

if TYPE_CHECKING:
    import torch

_ANGLES = 8
_CHANNELS_A_GROUP = 3
_CHUNK = 250
_THREADS = 2
_LARGE_SIDE = 16


class Scattering(Parameters):
    """`model = { kind = "scattering" }`.

    28 x 28 pixels give 81 x 7 x 7 = 3,969 features at scale 2; 8 x 8 pixels give 9 x 4 x 4 = 144 at scale 1.
    """

    kind: Literal["scattering"] = "scattering"
    scale: Literal[1, 2] | None = None
    """The J of the paper; left out, 2, or 1 below 16 pixels a side."""

    def recipe(self) -> str:
        """What determines the features, beside the records."""
        versions = f"kymatio {metadata.version('kymatio')}, torch {metadata.version('torch')}"
        return f"scattering 1, scale {self.scale}, {versions}"

    def features(self, inputs: Inputs) -> Inputs:
        """float32[n, features] of float32[n, channels, height, width]: each record by itself.

        The same bits whatever the number of threads. Raises ScenarioError where the records are no images.
        """
        scale, channels, height, width = self._layout(inputs.shape[1:])

        import torch
        from kymatio.torch import Scattering2D

        transform = Scattering2D(J=scale, L=_ANGLES, shape=(height, width))

        def normalised(start: int) -> Inputs:
            images = torch.from_numpy(inputs[start : start + _CHUNK].reshape(-1, height, width).copy())
            coefficients: torch.Tensor = transform(images)
            groups = coefficients.shape[1] // _CHANNELS_A_GROUP
            flat: Inputs = torch.nn.functional.group_norm(coefficients, groups).flatten(1).numpy()
            return flat.reshape(len(images) // channels, -1)

        threads = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(_THREADS, initializer=torch.set_num_threads, initargs=(1,)) as pool:
                return np.concatenate(list(pool.map(normalised, range(0, len(inputs), _CHUNK))))
        finally:
            torch.set_num_threads(threads)

    def size(self, record: tuple[int, ...], classes: int) -> int:
        """How many parameters the model has. Raises ScenarioError where a record is no image or too small."""
        scale, channels, height, width = self._layout(record)
        paths = 1 + scale * _ANGLES + scale * (scale - 1) // 2 * _ANGLES**2
        return linear_size((channels, paths, height // 2**scale, width // 2**scale), classes)

    def _layout(self, record: tuple[int, ...]) -> tuple[int, int, int, int]:
        """The scale, and a record's channels, height and width."""
        channels, height, width = require_image(self.kind, record, smallest=4 * (self.scale or 1))
        return self.scale or (2 if min(height, width) >= _LARGE_SIDE else 1), channels, height, width

    def build(self, input_shape: tuple[int, ...], classes: int) -> "torch.nn.Module":
        """A linear module of zeros from float32[batch, *input_shape], the features, to float32[batch, classes]."""
        return linear_classifier(input_shape, classes)
