"""What a learner decides about a client's round: which segments, how many of each in a batch. And what is no choice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from privacy.parameters import Parameters
from scenarios.segments import Segment
from scenarios.world import World

if TYPE_CHECKING:
    from scenarios.schema import Scenario

Task = Literal["train", "consolidate", "statistics"]


@dataclass(frozen=True)
class Part:
    """Records that are drawn together: `whole` segments, and what the client's memory holds of `remembered` ones.

    `records` is their expected number, a public constant, and `batch_size` how many of them a step takes if there are
    as many, under DP-SGD on average: each with probability `sampling_rate`. `sign` is -1 for what is taken out of a
    sum.
    """

    whole: tuple[Segment, ...]
    records: int
    batch_size: int
    remembered: tuple[Segment, ...] = ()
    sign: int = 1

    @property
    def sampling_rate(self) -> float:
        """The probability with which each record is in a step."""
        return min(1.0, self.batch_size / self.records)

    @property
    def taken(self) -> int:
        """How many records a step takes, under DP-SGD on average."""
        return min(self.batch_size, self.records)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All whose records may be drawn."""
        return self.whole + self.remembered


def whole(segments: Sequence[Segment], batch_size: int) -> tuple[Part, ...]:
    """One part of these segments in full; none where there are no records."""
    records = sum(segment.size for segment in segments)
    return (Part(tuple(segments), records, batch_size),) if records else ()


def of_now(world: World, usable: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments of the experience that is under way."""
    return tuple(segment for segment in usable if segment.experience == world.experience)


def of_before(world: World, usable: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments of experiences that are over."""
    return tuple(segment for segment in usable if segment.experience < world.experience)


class Learner(Parameters):
    """How clients learn while data come and go. A kind is one file; the defaults are those of plain training."""

    @property
    def repeats(self) -> bool:
        """Whether clients train on the same records again and again, or release something of them once."""
        return True

    @property
    def remembers(self) -> bool:
        """Whether clients keep records of past experiences in a replay memory."""
        return False

    @property
    def consolidates(self) -> bool:
        """Whether clients are asked what mattered to an experience when it is over."""
        return False

    def parts(self, world: World, usable: Sequence[Segment], batch_size: int) -> tuple[Part, ...]:
        """What a client with these segments trains on in a round: those of the experience that is under way."""
        return whole(of_now(world, usable), batch_size)

    def refusals(self, scenario: "Scenario") -> Iterator[tuple[str, str]]:
        """Keys of the scenario that do not work with this learner, each with the reason."""
        yield from ()
