"""Pictures are turned about their centre, as in rotated MNIST (a domain shift: the classes stay what they are)."""

from typing import Literal

import numpy as np
from pydantic import Field

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Inputs, Labels
from scenarios.shifts.shift import needs_picture

_QUARTER = 90.0


class Rotation(Parameters):
    """`shift = { kind = "rotation", degrees = 45.0 }`: counter-clockwise; what turns in from outside is zero."""

    kind: Literal["rotation"] = "rotation"
    degrees: float = Field(ge=-3600, le=3600)
    """How far pictures are turned, counter-clockwise."""

    def apply(self, inputs: Inputs, labels: Labels, classes: int, rng: np.random.Generator) -> tuple[Inputs, Labels]:
        """Turned pictures of the same shape, and the same labels.

        Bilinear between pixels; whole quarter turns of a square and half turns of any picture move pixels unchanged.
        """
        return _turned(inputs, self.degrees), labels

    def refusal(self, record: tuple[int, ...], classes: int) -> str | None:
        """Records must be pictures."""
        return needs_picture(self.kind, record)


def _turned(inputs: Inputs, degrees: float) -> Inputs:
    quarters, rest = divmod(degrees, _QUARTER)
    square = inputs.shape[-2] == inputs.shape[-1]
    if rest == 0 and (square or quarters % 2 == 0):
        return np.ascontiguousarray(np.rot90(inputs, int(quarters % 4), axes=(-2, -1)))

    from scipy.ndimage import rotate

    turned: Inputs = rotate(inputs, degrees, axes=(-1, -2), reshape=False, order=1, mode="grid-constant")
    # Weights that add up to one but for rounding: without the bounds a white pixel could end above 1.
    bounds = min(0.0, float(inputs.min(initial=0))), max(0.0, float(inputs.max(initial=0)))
    clipped: Inputs = np.clip(turned, *bounds)
    return clipped
