"""Segments: the pieces in which data reach a client, and in which their privacy is accounted."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from scenarios.datasets.dataset import Labels
from scenarios.world import World

WHOLE_LIFE = "all"
"""The one segment of a client whose data are all there from the first round."""


@dataclass(frozen=True)
class Segment:
    """One piece of a client's data, of one experience. `announced`: an event brings it, or else its experience does.

    `size` is the number of its records and public; `records` int64[size] are their sorted indices in the data set.
    """

    name: str
    experience: int
    announced: bool
    size: int
    records: Labels = field(compare=False, repr=False)


Holdings = Sequence[tuple[Segment, ...]]
"""The segments of each client, in the order in which they arrive. None is empty."""


def holding(name: str, experience: int, announced: bool, records: Labels) -> Segment:
    """The segment of these records."""
    return Segment(name, experience, announced, len(records), np.sort(records))


def available(world: World, client: int, own: Sequence[Segment]) -> tuple[Segment, ...]:
    """Which of a client's own segments may be used in this world: arrived, not unlearned, and the client is there."""
    if client not in world.present:
        return ()
    return tuple(
        segment
        for segment in own
        if segment.experience <= world.experience
        and (not segment.announced or (client, segment.name) in world.arrived)
        and not world.has_unlearned(client, segment.name)
    )
