"""The records change: what is seen of them (feature shift) or what they are called (label shift)."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from scenarios.events.event import Clients, PassingEvent, Refusals, absent, named
from scenarios.shifts import ShiftParameters
from scenarios.world import Applied, Drift, World

if TYPE_CHECKING:
    from scenarios.schema import Scenario


class DriftEvent(PassingEvent):
    """`kind = "drift"`: records of `clients` (left out: of everybody) and of the test set are seen through `shift`.

    "sudden": all of them from `at` on. "gradual": a share that grows in equal steps from `at` to `until` and then
    stays. "recurring": all of them for `period` rounds, then none for as many, and so on. Where only some clients
    drift, that share of the test records drifts that is theirs of the clients.
    """

    kind: Literal["drift"]
    shift: ShiftParameters
    """How the records change."""
    pattern: Literal["sudden", "gradual", "recurring"] = "sudden"
    """How the change comes."""
    period: Annotated[int, Field(ge=1)] | None = None
    """With "recurring", and only then: rounds with the shift, and as many without."""
    clients: Clients | None = Field(default=None, min_length=1, strict=False)
    """Whose records change; left out, everybody's."""

    @property
    def last(self) -> int | None:
        """A gradual drift has come to stay at its last round."""
        return None if self.pattern == "gradual" else self.until

    @property
    def applied(self) -> Applied:
        """The shift, under the name of its randomness."""
        return Applied(f"drift {self.at} {self.shift.kind}", self.shift)

    def apply(self, world: World) -> World:
        """The world in which this share has drifted."""
        share = self._share(world.round)
        if share == 0.0:
            return world
        drift = Drift(self.applied, self.clients, share)
        return replace(world, drifts=(*world.drifts, drift))

    def describe(self) -> str:
        """The event in words."""
        who = "all records" if self.clients is None else f"records of {named(self.clients)}"
        return f"{self.pattern} drift of {who}: {self.shift.kind}"

    def refusals(self, scenario: "Scenario", before: World) -> Refusals:
        """A pattern has what it needs and nothing else."""
        yield from absent(self.clients or (), before)
        if self.pattern == "gradual" and self.until is None:
            yield "pattern", '"gradual" needs until, the round by which everything has drifted'
        if (self.pattern == "recurring") != (self.period is not None):
            yield "period", '"recurring" needs a period in rounds, and no other pattern has one'
        if not scenario.learner.repeats:
            yield "kind", f"records are seen once with the learner {scenario.learner.kind!r}, so they cannot drift"

    def _share(self, round_: int) -> float:
        since = round_ - self.at
        if self.pattern == "recurring" and self.period is not None:
            return float(since // self.period % 2 == 0)
        if self.pattern == "gradual" and self.until is not None:
            return min(1.0, (since + 1) / (self.until - self.at + 1))
        return 1.0
