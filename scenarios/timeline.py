"""The timeline: the world of any round, as a fold over the events in force. There is no state, so any round can be
planned alone.
"""

import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from privacy.guarantees import DpSgd
from scenarios.events import AnyEvent, Join
from scenarios.learners import Task
from scenarios.values import counted
from scenarios.world import World

if TYPE_CHECKING:
    from scenarios.schema import Scenario


def world_at(scenario: "Scenario", round_: int) -> World:
    """The world in round `round_`, from 1. Raises ValueError for a round outside of the run."""
    if not 1 <= round_ <= scenario.federation.rounds:
        raise ValueError(f"round {round_} lies outside 1..{scenario.federation.rounds}")
    return _folded(scenario, round_, scenario.event)


def _folded(scenario: "Scenario", round_: int, events: tuple[AnyEvent, ...]) -> World:
    world = replace(
        _beginning(scenario.federation.clients, scenario.event, _budget(scenario)),
        round=round_,
        experience=1 if scenario.stream is None else scenario.stream.experience_at(round_),
    )
    for event in sorted(events, key=lambda event: event.at):  # those of one round in the order of the file
        if event.holds_in(round_):
            world = event.apply(world)
    return world


def tasks_at(scenario: "Scenario", round_: int) -> tuple[Task, ...]:
    """What clients are asked for in a round, one after another."""
    if not scenario.learner.repeats:
        return ("statistics",)
    over = ends_experience(scenario, round_) and round_ < scenario.federation.rounds
    return ("train", "consolidate") if scenario.learner.consolidates and over else ("train",)


def ends_experience(scenario: "Scenario", round_: int) -> bool:
    """Whether an experience is over after this round."""
    if scenario.stream is None:
        return False
    last = round_ == scenario.federation.rounds
    return last or scenario.stream.experience_at(round_) != scenario.stream.experience_at(round_ + 1)


def happening(scenario: "Scenario", round_: int) -> list[str]:
    """What begins or ends in a round, in words."""
    told = []
    if scenario.stream is not None and scenario.stream.first_round(scenario.stream.experience_at(round_)) == round_:
        told.append(f"experience {scenario.stream.experience_at(round_)} begins")
    for event in scenario.event:
        if event.at == round_:
            told.append(event.describe())
        if event.last is not None and event.last + 1 == round_:
            told.append(f"over: {event.describe()}")
    return told


def conflicts(scenario: "Scenario") -> Iterator[tuple[str, str]]:
    """Events that cannot happen: keys as `event.2.clients`, each with the reason."""
    rounds, clients = scenario.federation.rounds, scenario.federation.clients
    for number, event in enumerate(scenario.event):
        until = getattr(event, "until", None)
        unknown = sorted({client for client in getattr(event, "clients", None) or () if client >= clients})
        if event.at > rounds:
            yield f"event.{number}.at", f"round {event.at} lies outside the run, which has {counted(rounds, 'round')}"
        elif until is not None and not event.at <= until <= rounds:
            yield f"event.{number}.until", f"round {until} lies outside {event.at} (at) to {rounds}, the last round"
        elif unknown:
            yield (
                f"event.{number}.clients",
                f"there is no client {unknown[0]}; they are numbered from 0 to {clients - 1}",
            )
        else:
            others = tuple(other for place, other in enumerate(scenario.event) if _earlier(other, place, event, number))
            for key, reason in event.refusals(scenario, _folded(scenario, event.at, others)):
                yield f"event.{number}.{key}" if key else f"event.{number}", reason


def _earlier(other: AnyEvent, place: int, event: AnyEvent, number: int) -> bool:
    """Whether `other` has its say before `event` has: it began before, or in the same round and stands before it."""
    return (other.at, place) < (event.at, number)


@functools.lru_cache(maxsize=8)
def _beginning(clients: int, events: tuple[AnyEvent, ...], budget: float | None) -> World:
    """Before round 1: everybody is there but those who join later."""
    later = {client for event in events if isinstance(event, Join) for client in event.clients}
    return World(0, 1, frozenset(range(clients)) - later, budget)


def _budget(scenario: "Scenario") -> float | None:
    privacy = scenario.privacy
    return privacy.budget.epsilon if isinstance(privacy, DpSgd) and privacy.budget is not None else None
