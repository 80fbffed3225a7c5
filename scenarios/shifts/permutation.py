"""The places of a record's values are exchanged, the same way in every record, as in permuted MNIST.

Source: Goodfellow et al. 2013, arXiv 1312.6211.
"""

import math
from typing import Literal

import numpy as np

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Inputs, Labels
from scenarios.shifts.shift import is_picture


class Permutation(Parameters):
    """`shift = { kind = "permutation" }`: pixels of a picture (its channels stay together), columns of a table."""

    kind: Literal["permutation"] = "permutation"

    def apply(self, inputs: Inputs, labels: Labels, classes: int, rng: np.random.Generator) -> tuple[Inputs, Labels]:
        """Permuted records and the same labels. One permutation is drawn; how many records there are plays no part."""
        record = inputs.shape[1:]
        channels = record[0] if is_picture(record) else 1
        places = _places(record)
        flat = inputs.reshape(len(inputs), channels, places)
        return np.take(flat, rng.permutation(places), axis=-1).reshape(inputs.shape), labels

    def refusal(self, record: tuple[int, ...], classes: int) -> str | None:
        """There must be two places to exchange."""
        if _places(record) >= 2:
            return None
        return (
            f'"{self.kind}" needs two pixels or columns to exchange; a record of this data set has the shape {record}'
        )


def _places(record: tuple[int, ...]) -> int:
    return math.prod(record[1:] if is_picture(record) else record)
