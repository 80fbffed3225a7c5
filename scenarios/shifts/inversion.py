"""Black becomes white; the values of a table change their sign."""

from typing import Literal

import numpy as np

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Inputs, Labels
from scenarios.shifts.shift import is_picture


class Inversion(Parameters):
    """`shift = { kind = "inversion" }`: 1 - x for pictures, -x for tables."""

    kind: Literal["inversion"] = "inversion"

    def apply(self, inputs: Inputs, labels: Labels, classes: int, rng: np.random.Generator) -> tuple[Inputs, Labels]:
        """Inverted records and the same labels."""
        return np.float32(1) - inputs if is_picture(inputs.shape[1:]) else -inputs, labels

    def refusal(self, record: tuple[int, ...], classes: int) -> str | None:
        """Nothing is refused."""
        return None
