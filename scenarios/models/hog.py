"""A linear model on histograms of oriented gradients, the classical fixed features of Dalal & Triggs (2005).

Each block of cells is normalised by itself, so no statistic of the data set is used.
"""

from importlib import metadata
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Inputs
from scenarios.models.logistic import linear_classifier, linear_size
from scenarios.models.shapes import require_image

if TYPE_CHECKING:
    import torch

_BLOCK = 2  # cells a side
_LARGE_SIDE = 16


class Hog(Parameters):
    """`model = { kind = "hog" }`.

    28 x 28 pixels give 6 x 6 blocks x 4 cells x 9 orientations = 1,296 features; 8 x 8 pixels give 324.
    """

    kind: Literal["hog"] = "hog"
    orientations: int = Field(default=9, ge=2, le=36)
    """Bins of each histogram."""
    cell: int | None = Field(default=None, ge=2, le=64)
    """A cell's side in pixels; left out, 4, or 2 below 16 pixels a side."""

    def recipe(self) -> str:
        """What determines the features, beside the records."""
        return f"hog 1, {self.orientations}, {self.cell}, scikit-image {metadata.version('scikit-image')}"

    def features(self, inputs: Inputs) -> Inputs:
        """float32[n, features] of float32[n, channels, height, width]: each record by itself.

        Raises ScenarioError where the records are no images or smaller than one block.
        """
        cell, _, _ = self._layout(inputs.shape[1:])

        from skimage.feature import hog

        return np.stack(
            [
                hog(image, self.orientations, (cell, cell), (_BLOCK, _BLOCK), channel_axis=0).astype(np.float32)
                for image in inputs
            ]
        )

    def size(self, record: tuple[int, ...], classes: int) -> int:
        """How many parameters the model has. Raises ScenarioError where a record is no image or too small."""
        _, down, across = self._layout(record)
        return linear_size((down, across, _BLOCK, _BLOCK, self.orientations), classes)

    def _layout(self, record: tuple[int, ...]) -> tuple[int, int, int]:
        """A cell's side in pixels, and how many blocks there are down and across."""
        _, height, width = require_image(self.kind, record, smallest=_BLOCK * (self.cell or 2))
        cell = self.cell or (4 if min(height, width) >= _LARGE_SIDE else 2)
        return cell, height // cell - _BLOCK + 1, width // cell - _BLOCK + 1

    def build(self, input_shape: tuple[int, ...], classes: int) -> "torch.nn.Module":
        """A linear module of zeros from float32[batch, *input_shape], the features, to float32[batch, classes]."""
        return linear_classifier(input_shape, classes)
