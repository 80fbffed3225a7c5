"""The world a round finds: which clients are there and how many records each holds. A pure fold."""

from collections.abc import Mapping
from dataclasses import dataclass

from scenarios.schema import Scenario


@dataclass(frozen=True)
class World:
    """`records[client]` is the number of records of each client that is present."""

    records: Mapping[int, int]


def world_at(scenario: Scenario, beginning: World, round_: int) -> World:
    """The world in round `round_` (from 1): the beginning folded over the events in force until then.

    Format 1 as read so far has no events: every client stays from the first round to the last.
    """
    if not 1 <= round_ <= scenario.federation.rounds:
        raise ValueError(f"round {round_} lies outside 1..{scenario.federation.rounds}")
    return beginning
