"""Pictures as a coarser camera would take them: averaged over blocks, each block then shown in its one grey."""

from typing import Literal

import numpy as np
from pydantic import Field

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Inputs, Labels
from scenarios.shifts.shift import needs_picture


class Resolution(Parameters):
    """`shift = { kind = "resolution", factor = 2 }`: blocks of factor x factor pixels; the shape stays.

    Where the factor does not divide a side, the last blocks are the smaller ones that are left.
    """

    kind: Literal["resolution"] = "resolution"
    factor: int = Field(ge=2)
    """The side of a block in pixels."""

    def apply(self, inputs: Inputs, labels: Labels, classes: int, rng: np.random.Generator) -> tuple[Inputs, Labels]:
        """Coarser pictures of the same shape, and the same labels."""
        coarser = _coarser(_coarser(inputs, self.factor, axis=-1), self.factor, axis=-2)
        return np.ascontiguousarray(coarser), labels

    def refusal(self, record: tuple[int, ...], classes: int) -> str | None:
        """Records must be pictures with sides of at least `factor` pixels."""
        if refused := needs_picture(self.kind, record):
            return refused
        shortest = min(record[1:])
        return None if self.factor <= shortest else f"factor must be at most {shortest}, the pictures' shorter side"


def _coarser(inputs: Inputs, factor: int, axis: int) -> Inputs:
    side = inputs.shape[axis]
    starts = np.arange(0, side, factor)
    lengths = np.diff(starts, append=side)
    # A mean of means is the block's mean, because the lengths along one axis do not depend on the other.
    sums = np.moveaxis(np.add.reduceat(inputs, starts, axis=axis), axis, -1)
    means = (sums / lengths.astype(np.float32)).astype(np.float32)
    return np.moveaxis(np.repeat(means, lengths, axis=-1), -1, axis)
