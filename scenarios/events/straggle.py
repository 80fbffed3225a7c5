"""Clients whose replies come some rounds late."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from scenarios.events.event import Clients, PassingEvent, Refusals, absent, named
from scenarios.values import counted
from scenarios.world import Delay, World

if TYPE_CHECKING:
    from scenarios.schema import Scenario


class Straggle(PassingEvent):
    """`kind = "straggle"`: replies of `clients` come `rounds` rounds late.

    `late = "drop"` throws them away; "use" adds them to the round in which they come, with their weight times
    (1 + rounds)^-0.5, the polynomial staleness of FedAsync (Xie et al. 2019, arXiv 1903.03934). Either way the client
    trained, and is charged.
    """

    kind: Literal["straggle"]
    clients: Clients = Field(min_length=1, strict=False)
    """Whose replies are late."""
    rounds: Annotated[int, Field(ge=1)] = 1
    """How many rounds late they are."""
    late: Literal["use", "drop"] = "drop"
    """Whether late replies are used, with a smaller weight, or dropped."""

    def apply(self, world: World) -> World:
        """The world in which they are late."""
        delays = dict.fromkeys(self.clients, Delay(self.rounds, self.late))
        return replace(world, delays={**world.delays, **delays})

    def describe(self) -> str:
        """The event in words."""
        fate = "then used" if self.late == "use" else "and are dropped"
        return f"replies of {named(self.clients)} come {counted(self.rounds, 'round')} late {fate}"

    def refusals(self, scenario: "Scenario", before: World) -> Refusals:
        """A late update can be added later only where the server sees it."""
        yield from absent(self.clients, before)
        if self.late == "use" and scenario.protection.hides_updates:
            yield (
                "late",
                f'"use" needs single updates, and protection {scenario.protection.kind!r} hides them; use "drop"',
            )
        if not scenario.learner.repeats:
            yield "kind", f"a release that comes late is missing with the learner {scenario.learner.kind!r}"
