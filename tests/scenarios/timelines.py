"""Scenarios with events for the tests of timelines."""

from scenarios.schema import Scenario
from scenarios.world import World

STREAM = {"kind": "class-incremental", "experiences": 5, "rounds_per_experience": 2}
PRIVATE = {"kind": "dp-sgd", "noise_multiplier": 1.0, "budget": {"epsilon": 8.0}}
BACKDOOR = {"kind": "backdoor", "target": 0}
INVERSION = {"kind": "inversion"}


def scenario(*events, rounds=20, clients=4, **tables) -> Scenario:
    """Four clients and twenty rounds on the digits; tables replace those."""
    base = {
        "format": 1,
        "name": "eventful",
        "seed": 5,
        "data": {"dataset": "digits"},
        "model": "logistic",
        "federation": {"clients": clients, "rounds": rounds},
    }
    return Scenario.model_validate({**base, "event": events, **tables})


def event(kind, at, **values):
    """An event as a scenario file has it."""
    return {"kind": kind, "at": at, **values}


def world(round_=5, **values) -> World:
    """Four clients in the first experience."""
    return World(**{"round": round_, "experience": 1, "present": frozenset(range(4)), **values})
