"""What streams have in common: experiences that last so many rounds each, and which record belongs to which."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Labels
from scenarios.shifts import AnyShift

LabelSpace = Literal["fixed", "observed"]


@dataclass(frozen=True)
class Experiences:
    """`of` int64[n] is the experience of each record, from 1; `names` and `shifts` are those of each experience."""

    of: Labels
    names: tuple[str, ...]
    shifts: tuple[AnyShift | None, ...]


class Stream(Parameters):
    """`experiences` of `rounds_per_experience` rounds each; the last one goes on to the end of the run.

    With `label_space = "observed"` the model knows only classes that have arrived, which tells everybody who sees it
    when a class was first held by anybody: the ledger does not cover that (arXiv 2411.04680). "fixed" tells nothing.
    """

    experiences: Annotated[int, Field(ge=1, le=1000)]
    """How many experiences there are."""
    rounds_per_experience: Annotated[int, Field(ge=1)]
    """How many rounds each of them lasts; the last one goes on to the end of the run."""
    label_space: LabelSpace = "fixed"
    """Whether the model knows all classes from the start, or only those that have arrived."""

    def experience_at(self, round_: int) -> int:
        """The experience of a round, both from 1."""
        return min(self.experiences, (round_ - 1) // self.rounds_per_experience + 1)

    def first_round(self, experience: int) -> int:
        """The first round of an experience."""
        return (experience - 1) * self.rounds_per_experience + 1


def in_turn(values: Labels, count: int, experiences: int) -> Labels:
    """int64[n]: `count` values, in this order, dealt to the experiences in equal runs; each record's experience."""
    runs = np.array_split(np.arange(count), experiences)
    lookup = np.concatenate([np.full(len(run), number) for number, run in enumerate(runs, start=1)])
    return lookup[values].astype(np.int64)
