"""Clients come: until then they take no part and none of their data is used."""

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from scenarios.events.event import Clients, Event, Refusals, named, verb
from scenarios.world import World

if TYPE_CHECKING:
    from scenarios.schema import Scenario


class Join(Event):
    """`kind = "join"`: these clients are there from round `at` on."""

    kind: Literal["join"]
    clients: Clients = Field(min_length=1, strict=False)
    """Who joins."""

    def apply(self, world: World) -> World:
        """The world with these clients in it."""
        return replace(world, present=world.present | frozenset(self.clients))

    def describe(self) -> str:
        """The event in words."""
        return verb(self.clients, "join")

    def refusals(self, scenario: "Scenario", before: World) -> Refusals:
        """Nobody joins twice."""
        already = set(self.clients) & before.present
        if already:
            yield "clients", f"{named(already)} cannot join twice; to be away for a while is `leave` with `until`"
