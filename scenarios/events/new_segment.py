"""More data reach some clients: a share of their records that is not there before."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from scenarios.events.event import Clients, Event, Refusals
from scenarios.world import World

if TYPE_CHECKING:
    from scenarios.schema import Scenario


class NewSegment(Event):
    """`kind = "new-segment"`: in round `at` a `share` of each of `clients`' records of the experience arrives.

    Until then it is not used. It is a segment of its own, `name`, and is accounted by itself.
    """

    kind: Literal["new-segment"]
    clients: Clients = Field(min_length=1, strict=False)
    """Who gets more data."""
    share: Annotated[float, Field(gt=0, lt=1)]
    """The share of each one's records that arrives."""
    name: Annotated[str, Field(min_length=1, max_length=60)]
    """What the segment is called, at most 60 characters."""

    def apply(self, world: World) -> World:
        """The world in which it has arrived."""
        return replace(world, arrived=world.arrived | {(client, self.name) for client in self.clients})

    def describe(self) -> str:
        """The event in words."""
        return f"{self.share:.0%} of the records of clients {', '.join(map(str, self.clients))} arrive as {self.name!r}"

    def refusals(self, scenario: "Scenario", before: World) -> Refusals:
        """A name stands for one segment."""
        others = [event for event in scenario.event if isinstance(event, NewSegment) and event is not self]
        if any(event.name == self.name for event in others):
            yield "name", f"two segments are called {self.name!r}"
