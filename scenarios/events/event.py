"""What events have in common: when they hold, whom they concern, and how a wrong one is refused."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from privacy.parameters import Parameters
from scenarios.world import World

if TYPE_CHECKING:
    from scenarios.schema import Scenario

Client = Annotated[int, Field(ge=0)]
Clients = tuple[Client, ...]
Refusals = Iterator[tuple[str, str]]
"""Keys of an event ("" for the event itself), each with the reason why it cannot be so."""


class Event(Parameters):
    """Something that holds from round `at` on, or for an event with `until` up to that round, included."""

    at: Annotated[int, Field(ge=1)]
    """The first round in which it holds."""

    @property
    def last(self) -> int | None:
        """The last round in which it holds; None where it holds to the end."""
        return None

    def holds_in(self, round_: int) -> bool:
        """Whether the event is in force in a round."""
        return self.at <= round_ and (self.last is None or round_ <= self.last)

    def refusals(self, scenario: "Scenario", before: World) -> Refusals:
        """What cannot be in this scenario, in the world of round `at` as the events listed before it leave it."""
        yield from ()


class PassingEvent(Event):
    """An event that may end: `until` is its last round."""

    until: Annotated[int, Field(ge=1)] | None = None
    """The last round in which it holds; left out, it holds to the end."""

    @property
    def last(self) -> int | None:
        """The last round in which it holds; None where it holds to the end."""
        return self.until


def named(clients: Iterable[int]) -> str:
    """Clients in words."""
    ordered = sorted(clients)
    return f"client {ordered[0]}" if len(ordered) == 1 else "clients " + ", ".join(map(str, ordered))


def verb(clients: Iterable[int], plural: str) -> str:
    """Clients and what they do, in words: "client 3 joins", "clients 3, 4 join"."""
    only = len(set(clients)) == 1
    return f"{named(clients)} {plural + 's' if only else plural}"


def absent(clients: Iterable[int], before: World) -> Refusals:
    """Refuse what concerns clients that are not there when it happens."""
    missing = set(clients) - before.present
    if missing:
        yield "clients", f"{named(missing)} cannot be concerned: not there in round {before.round}"
