"""Wrong labels on right records, as a poisoning client sends them (Tolpegin et al. 2020, arXiv 2007.08432)."""

from typing import Literal, Self

import numpy as np
from pydantic import Field, model_validator

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Inputs, Labels
from scenarios.shifts.shift import needs_class


class LabelFlip(Parameters):
    """`{ kind = "label-flip", source = 7, target = 1 }`: every 7 is called a 1.

    Without source and target, every label becomes one of the others at random.
    """

    kind: Literal["label-flip"] = "label-flip"
    source: int | None = Field(default=None, ge=0)
    """The class, by number, whose records are called `target`; left out with `target`, labels flip at random."""
    target: int | None = Field(default=None, ge=0)
    """What they are called."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.source is None) != (self.target is None):
            raise ValueError("source and target go together; give both, or neither to flip every label at random")
        if self.source is not None and self.source == self.target:
            raise ValueError(f"source and target are both {self.source}; choose another target")
        return self

    def apply(self, inputs: Inputs, labels: Labels, classes: int, rng: np.random.Generator) -> tuple[Inputs, Labels]:
        """The same records and flipped labels."""
        if self.target is None:
            return inputs, (labels + rng.integers(1, classes, len(labels))) % classes
        return inputs, np.where(labels == self.source, np.int64(self.target), labels)

    def refusal(self, record: tuple[int, ...], classes: int) -> str | None:
        """Source and target must be classes of the data set, and there must be another class to flip to."""
        if self.source is None or self.target is None:
            return None if classes >= 2 else f'"{self.kind}" needs two classes, and this data set has {classes}'
        return needs_class("source", self.source, classes) or needs_class("target", self.target, classes)
