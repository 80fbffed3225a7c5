"""Clients go. What the model learned from them stays in it: leaving is not unlearning."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from scenarios.events.event import Clients, PassingEvent, Refusals, absent, verb
from scenarios.world import World

if TYPE_CHECKING:
    from scenarios.schema import Scenario


class Leave(PassingEvent):
    """`kind = "leave"`: these clients take no part from round `at` on, with `until` up to that round."""

    kind: Literal["leave"]
    clients: Clients = Field(min_length=1, strict=False)
    """Who leaves."""

    def apply(self, world: World) -> World:
        """The world without these clients."""
        return world.without(frozenset(self.clients))

    def describe(self) -> str:
        """The event in words."""
        gone = verb(self.clients, "leave")
        return gone if self.until is None else f"{gone} until the end of round {self.until}"

    def refusals(self, scenario: "Scenario", before: World) -> Refusals:
        """Only who is there can leave."""
        yield from absent(self.clients, before)
