"""What the runs of a sweep promise, each by itself: said once for all those that promise the same."""

from collections.abc import Iterable

from scenarios.schema import Scenario
from scenarios.values import written
from server.run_directory import statement
from simulation.sweeps.directory import Table

_OF_A_SETTING = ("delta", "accountant")
"""What a sweep may vary without promising anything else."""


def promises_of(scenarios: Iterable[Scenario]) -> list[Table]:
    """The guarantee of each kind of private run, as its manifest has it, with `stamp` and how many `runs` have it.

    `delta` and `accountant` are null where these runs differ in them.
    """
    found: dict[str, Table] = {}
    for scenario in scenarios:
        promised = statement.guarantee(scenario)
        if promised is None:
            continue
        promised["stamp"] = statement.stamp(scenario)
        same = written({key: value for key, value in promised.items() if key not in _OF_A_SETTING})
        known = found.setdefault(same, {**promised, "runs": 0})
        known["runs"] += 1
        for key in _OF_A_SETTING:
            known[key] = known[key] if known[key] == promised[key] else None
    return list(found.values())
