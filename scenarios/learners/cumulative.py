"""Train on everything that has arrived so far: the upper bound, at the price that old data are used again."""

from collections.abc import Sequence
from typing import Literal

from scenarios.learners.learner import Learner, Part, whole
from scenarios.segments import Segment
from scenarios.world import World


class Cumulative(Learner):
    """`learner = "cumulative"`. Under DP-SGD every segment is charged in every round."""

    kind: Literal["cumulative"] = "cumulative"

    def parts(self, world: World, usable: Sequence[Segment], batch_size: int) -> tuple[Part, ...]:
        """All segments alike."""
        return whole(usable, batch_size)
