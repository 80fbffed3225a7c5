"""The same records mean something else from now on: real concept shift, P(label | record) changes."""

from typing import Literal

import numpy as np
from pydantic import Field

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Inputs, Labels


class LabelPermutation(Parameters):
    """`shift = { kind = "labels", permute = [1, 0, 2] }`: class c is called `permute[c]`.

    By default c becomes c + 1, and the last class 0.
    """

    kind: Literal["labels"] = "labels"
    permute: tuple[int, ...] | None = Field(default=None, strict=False)
    """The new number of each class, in their order; left out, each gets the next one and the last 0."""

    def apply(self, inputs: Inputs, labels: Labels, classes: int, rng: np.random.Generator) -> tuple[Inputs, Labels]:
        """The same records and permuted labels."""
        if self.permute is None:
            return inputs, (labels + 1) % classes
        return inputs, np.array(self.permute, np.int64)[labels]

    def refusal(self, record: tuple[int, ...], classes: int) -> str | None:
        """`permute` must name every class once."""
        if self.permute is None or sorted(self.permute) == list(range(classes)):
            return None
        return f"permute must list each of the classes 0 to {classes - 1} once, not {list(self.permute)}"
