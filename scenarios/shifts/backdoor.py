"""A mark that stands for one class, whatever else a record shows (BadNets: Gu et al. 2017, arXiv 1708.06733)."""

from typing import Literal

import numpy as np
from pydantic import Field

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Inputs, Labels
from scenarios.shifts.shift import is_picture, needs_class


class Backdoor(Parameters):
    """`{ kind = "backdoor", target = 0, size = 3 }`: a white square of size x size pixels, lower right.

    In a table the last `size` columns are set to 1.
    """

    kind: Literal["backdoor"] = "backdoor"
    target: int = Field(ge=0)
    """The class, by number, that marked records are called."""
    size: int = Field(default=3, ge=1)
    """The side of the square in pixels, or how many columns of a table."""

    def apply(self, inputs: Inputs, labels: Labels, classes: int, rng: np.random.Generator) -> tuple[Inputs, Labels]:
        """Every record marked and labelled `target`."""
        marked = inputs.copy()
        if is_picture(inputs.shape[1:]):
            marked[..., -self.size :, -self.size :] = 1.0
        else:
            marked[..., -self.size :] = 1.0
        return marked, np.full_like(labels, self.target)

    def refusal(self, record: tuple[int, ...], classes: int) -> str | None:
        """The mark must fit into a record, and the target must be a class of the data set."""
        room = min(record[1:] if is_picture(record) else record[-1:])
        if self.size > room:
            return f"size must be at most {room}, because a record of this data set has the shape {record}"
        return needs_class("target", self.target, classes)
