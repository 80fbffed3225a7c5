"""The dry run of a sweep: its points and what each plans to spend, without training."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence

from privacy.errors import ScenarioError
from privacy.guarantees import DpSgd
from scenarios import grid
from scenarios.grid import Point, Sweep, named
from scenarios.values import counted
from simulation.dry_run import checking
from simulation.sweeps.sweeping import require_possible


def describe(file: str, overrides: Sequence[str], round_: int | None) -> Iterator[str]:
    """The lines of `fedcrucible check` for a file with a [sweep]. Raises ScenarioError as a sweep would."""
    sweep, points = _read(file, overrides, round_)
    scenario = sweep.first
    yield f"{scenario.name}: {scenario.question}"
    axes = ", ".join(f"{axis.key} ({len(axis.values) if axis.range is None else 'range'})" for axis in sweep.axes)
    yield f"sweep over {axes}: {_size(sweep)}"
    yield from _audits(points)
    for point in points:
        yield f"{named(point.settings)}: {_spent(point)}"
    if sweep.search is not None:
        yield "these are the ends of the ranges; what lies between is searched"


def as_json(file: str, overrides: Sequence[str], round_: int | None) -> str:
    """The same as one JSON object."""
    sweep, points = _read(file, overrides, round_)
    told = [
        {
            "name": point.name,
            "settings": dict(point.settings),
            "scenario_sha256": point.sha256,
            "planned_epsilon": checking.planned_epsilon(point.loaded.scenario),
            "audits": [audit.kind for audit in point.loaded.scenario.audit],
        }
        for point in points
    ]
    search = sweep.search and sweep.search.model_dump()
    plan = {"name": sweep.first.name, "front": sweep.front, "search": search, "points": told}
    return json.dumps(plan, sort_keys=True, indent=1, allow_nan=False)


def _read(file: str, overrides: Sequence[str], round_: int | None) -> tuple[Sweep, Sequence[Point]]:
    if round_ is not None:
        raise ScenarioError(["--round: a sweep has many runs; --set sweep=none leaves the grid out"])
    sweep = grid.read(file, overrides)
    points = sweep.points or sweep.ends
    require_possible(sweep, points)
    return sweep, points


def _size(sweep: Sweep) -> str:
    if sweep.search is None:
        return counted(len(sweep.points), "run")
    each = f" for each {sweep.front}" if sweep.front else ""
    return f"{counted(sweep.search.trials, 'trial')} by {sweep.search.kind}{each}"


def _audits(points: Sequence[Point]) -> Iterator[str]:
    """Which audits will be run after the runs, and at which points not."""
    asked = Counter(audit.kind for point in points for audit in point.loaded.scenario.audit)
    if not asked:
        return
    yield f"after each run its audits are run: {', '.join(asked)}"
    for kind, count in Counter(kind for point in points for kind in point.left_out).items():
        yield f"left out where it does not fit: {kind}, at {count} of {len(points)} points"


def _spent(point: Point) -> str:
    scenario = point.loaded.scenario
    if not isinstance(scenario.privacy, DpSgd):
        return "no privacy"
    epsilon = checking.planned_epsilon(scenario)
    planned = "infinite" if epsilon is None else f"{epsilon:.4g}"
    return f"planned epsilon {planned} at delta {scenario.privacy.delta:g}"
