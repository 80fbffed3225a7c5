"""Train on the new data and on a memory of the old (Chaudhry et al. 2019, arXiv 1902.10486).

The memory holds indices, in the client. Which records are kept is decided record by record, by a number drawn for
each: without privacy the `memory` smallest (a reservoir), under DP-SGD all below a threshold that follows from public
counts. A reservoir of fixed size would let one record's presence throw out another, two changes where the guarantee
covers one.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from scenarios.learners.learner import Learner, Part, of_before, of_now
from scenarios.segments import Segment
from scenarios.world import World

if TYPE_CHECKING:
    from scenarios.schema import Scenario


class Replay(Learner):
    """`learner = { kind = "replay", memory = 200, replay_sampling = "uniform", selection = "reservoir" }`.

    "balanced" takes one half of every batch from the kept records, so that each of them is used far more often, and
    under DP-SGD charged for it. "class-balanced" is refused under DP-SGD, since how many records of a class there are
    is not public.
    """

    kind: Literal["replay"] = "replay"
    memory: Annotated[int, Field(ge=1)] = 200
    """How many past records a client keeps, under DP-SGD on average."""
    replay_sampling: Literal["uniform", "balanced"] = "uniform"
    """Whether batches are drawn from new and kept records alike, or half from each."""
    selection: Literal["reservoir", "class-balanced"] = "reservoir"
    """Whether every past record is kept with equal chance, or as many of each class."""

    @property
    def remembers(self) -> bool:
        """Clients keep records."""
        return True

    def parts(self, world: World, usable: Sequence[Segment], batch_size: int) -> tuple[Part, ...]:
        """New and kept records in one part, or half a batch of each; nothing for a client without new ones."""
        new, old = of_now(world, usable), of_before(world, usable)
        fresh = sum(segment.size for segment in new)
        kept = min(self.memory, sum(segment.size for segment in old))
        if not fresh:
            return ()
        if self.replay_sampling == "uniform" or not kept:
            return (Part(new, fresh + kept, batch_size, old),)
        half = max(1, batch_size // 2)
        return Part(new, fresh, half), Part((), kept, max(1, batch_size - half), old)

    def refusals(self, scenario: "Scenario") -> Iterator[tuple[str, str]]:
        """Under differential privacy one record's class must not decide about another record."""
        if self.selection == "class-balanced" and scenario.privacy.kind == "dp-sgd":
            yield (
                "learner.selection",
                '"class-balanced" goes by the number of records of each class, which would tell of single records '
                'under dp-sgd; use "reservoir"',
            )
