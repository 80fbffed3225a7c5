"""The world a round finds: who is there, which experience it is, what holds. Events change it; nothing else does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from scenarios.shifts import AnyShift

EVERYTHING = ""
"""Stands for all segments of a client where one of them could be named."""


@dataclass(frozen=True)
class Applied:
    """A shift in force. `name` names its stream of randomness, so that it does the same to a record every time."""

    name: str
    shift: AnyShift


@dataclass(frozen=True)
class Dropout:
    """Each of `clients` (None: all) fails to answer with probability `rate`, before it trains or after."""

    name: str
    clients: tuple[int, ...] | None
    rate: float
    stage: Literal["before-training", "after-training"]


@dataclass(frozen=True)
class Delay:
    """Replies come `rounds` rounds late, and are then used or dropped."""

    rounds: int
    late: Literal["use", "drop"]


@dataclass(frozen=True)
class Drift:
    """The share of `clients`' records (None: of all clients', and of the test records) that is seen shifted."""

    applied: Applied
    clients: tuple[int, ...] | None
    share: float


@dataclass(frozen=True)
class Poison:
    """What a hostile client does: it shifts this share of its records and multiplies its update with `boost`."""

    applied: Applied
    share: float
    boost: float


@dataclass(frozen=True)
class Restart:
    """The model is again what it was before any (client, segment) of these could be used; None: the initial one."""

    before: frozenset[tuple[int, str]] | None


@dataclass(frozen=True)
class World:
    """One round's world, made by folding the events in force over its beginning.

    `experience` counts from 1. `present` are the clients that are there. `arrived` holds, as (client, segment), what
    events have brought, `unlearned` what may be used no more (`EVERYTHING` for all of a client's) and `subtracted`
    what of it is taken out of sums. `budget` is the epsilon cap in force, None where there is none.
    """

    round: int
    experience: int
    present: frozenset[int]
    budget: float | None = None
    arrived: frozenset[tuple[int, str]] = frozenset()
    unlearned: frozenset[tuple[int, str]] = frozenset()
    subtracted: frozenset[tuple[int, str]] = frozenset()
    dropouts: tuple[Dropout, ...] = ()
    delays: Mapping[int, Delay] = field(default_factory=dict)
    drifts: tuple[Drift, ...] = ()
    poisons: Mapping[int, Poison] = field(default_factory=dict)
    restart: Restart | None = None

    def has_unlearned(self, client: int, segment: str) -> bool:
        """Whether a client's segment may be used no more."""
        return (client, segment) in self.unlearned or (client, EVERYTHING) in self.unlearned

    def is_subtracted(self, client: int, segment: str) -> bool:
        """Whether a client's segment is taken out of the sums it entered."""
        return (client, segment) in self.subtracted or (client, EVERYTHING) in self.subtracted

    def without(self, clients: frozenset[int]) -> "World":
        """The world after these clients have gone."""
        return replace(self, present=self.present - clients)
