"""What a sweep found, from its runs' own files: a row for each run, each setting over its seeds, and the fronts."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from privacy import accounting
from privacy.guarantees import DpSgd
from scenarios.grid import Point, Sweep, without_seed
from scenarios.schema import Scenario
from scenarios.values import written
from server.run_directory import journal
from server.run_directory.files import RunDirectory
from server.run_directory.summary import ledgers_of
from simulation.sweeps.audited import audited, mark_attack_fronts, over_seeds
from simulation.sweeps.directory import SweepDirectory, Table, table_or_nothing
from simulation.sweeps.fronts import on_front, spread
from simulation.sweeps.promises import promises_of
from simulation.sweeps.search import NO_BOUND, Score

FIGURES = (
    "accuracy", "validation_accuracy", "loss", "average_accuracy", "forgetting", "epsilon", "bytes", "seconds",
)  # fmt: skip


def results_of(
    sweep: Sweep,
    points: Sequence[Point],
    directory: SweepDirectory,
    failures: Mapping[str, str],
    unaudited: Mapping[str, str],
) -> Table:
    """What `results.json` holds; by name, why runs and why audits failed.

    An epsilon that is null is none at all or infinite: nothing bounds it.
    """
    runs = [
        {
            **_run(point, directory, failures.get(point.name, "")),
            **audited(point, directory, unaudited.get(point.name, "")),
        }
        for point in points
    ]
    settings = _settings(runs)
    by = "validation_accuracy" if any(_mean(one, "validation_accuracy") is not None for one in settings) else "accuracy"
    _choose(settings, sweep.front, by)
    _mark_front(settings, "epsilon", "on_epsilon_front")
    _mark_front(settings, "bytes", "on_bytes_front")
    mark_attack_fronts(settings)
    return {
        "format": 1,
        "name": sweep.first.name,
        "question": sweep.first.question,
        "keys": [axis.key for axis in sweep.axes],
        "names": {key: dict(names) for key, names in sweep.names.items()},
        "front": sweep.front,
        "search": sweep.search and sweep.search.model_dump(),
        "chosen_by": by,
        "optimistic": any(one["chosen"] for one in settings)
        and "accuracy" in (by, sweep.search and sweep.search.objective),
        "delta": _delta(points),
        "runs": runs,
        "settings": settings,
        "tuning": tuning_cost(directory),
        "guarantees": promises_of(point.loaded.scenario for point in points),
    }


def tuning_cost(directory: SweepDirectory) -> Table | None:
    """What all runs together have spent on a record, those of failed runs and of earlier grids included; None if none.

    **Guarantee.** Renyi divergences of runs on the same records add up. Seeds share the records out anew, so for each
    run the most that it charged any client's segment is what counts. At the largest delta that any run states.
    """
    spent, deltas, unprotected = [], list[float](), 0
    for path in sorted(directory.runs.iterdir()) if directory.runs.is_dir() else []:
        run = RunDirectory(path)
        try:
            scenario, records = run.read_scenario(), journal.read_whole_lines(run.journal)
            ledgers = ledgers_of(records)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        if isinstance(scenario.privacy, DpSgd):
            spent.append(list(ledgers.values()))
            deltas.append(scenario.privacy.delta)
        elif records:
            unprotected += 1
    if not spent:
        return None
    epsilon = accounting.composed(spent, max(deltas))
    return {
        "epsilon": epsilon if math.isfinite(epsilon) else None,
        "delta": max(deltas),
        "accountant": "rdp",
        "private_runs": len(spent),
        "unprotected_runs": unprotected,
    }


def score_of(points: Sequence[Point], directory: SweepDirectory, objective: str) -> Score | None:
    """How a trial did over its seeds; None where any of its runs has no figures."""
    runs = [_run(point, directory, "") for point in points]
    values = [run[objective] for run in runs]
    if not values or None in values:
        return None
    bounds = [NO_BOUND if run["epsilon"] is None else run["epsilon"] for run in runs]
    return Score(statistics.fmean(values), max(bounds))


def _run(point: Point, directory: SweepDirectory, failure: str) -> Table:
    summary = table_or_nothing(directory.run(point).summary)
    status, reason = directory.status(point)
    if failure and status != "interrupted":
        status, reason = "failed", failure
    # A run that failed has figures too, of a model that nobody asked for.
    known = summary if status == "completed" else {}
    sent = (known.get("sent_bytes"), known.get("received_bytes"))
    return {
        "name": point.name,
        "settings": dict(point.settings),
        "status": status,
        "reason": reason,
        "scenario_sha256": point.sha256,
        **{key: known.get(key) for key in FIGURES[:5]},
        "epsilon": (known.get("epsilon") or {}).get("max"),
        "bytes": sum(sent) if None not in sent else None,
        "seconds": known.get("wall_seconds"),
    }


def _settings(runs: Sequence[Table]) -> list[Table]:
    groups: dict[str, list[Table]] = {}
    for run in runs:
        groups.setdefault(written(without_seed(run["settings"])), []).append(run)
    return [
        {
            "settings": dict(without_seed(group[0]["settings"])),
            "runs": len(group),
            "count": sum(run["status"] == "completed" for run in group),
            **{key: spread(run[key] for run in group) for key in FIGURES},
            **over_seeds(group),
        }
        for group in groups.values()
    ]


def _mean(setting: Table, figure: str) -> float | None:
    spread = setting[figure]
    return None if spread is None else float(spread["mean"])


def _choose(settings: Sequence[Table], front: str | None, by: str) -> None:
    """Mark of those that share their value of the front's key the one with the best mean.

    Where each of them has its value for itself there is nothing to choose, and none is marked.
    """
    groups: dict[str, list[Table]] = {}
    for one in settings:
        one["chosen"] = False
        groups.setdefault(written(one["settings"].get(front)) if front else "", []).append(one)
    if all(len(group) == 1 for group in groups.values()):
        return
    for group in groups.values():
        # A setting that some seed failed at is no setting to choose.
        whole = [one for one in group if _mean(one, by) is not None and one["count"] == one["runs"]]
        if whole:
            max(whole, key=_key(by))["chosen"] = True


def _key(figure: str) -> Callable[[Table], float]:
    return lambda one: _mean(one, figure) or 0.0


def _mark_front(settings: Sequence[Table], cost: str, mark: str) -> None:
    marked = on_front([_mean(one, "accuracy") for one in settings], [_mean(one, cost) for one in settings])
    for one, on in zip(settings, marked, strict=True):
        one[mark] = on


def _delta(points: Sequence[Point]) -> float | None:
    deltas = {_delta_of(point.loaded.scenario) for point in points} - {None}
    return deltas.pop() if len(deltas) == 1 else None


def _delta_of(scenario: Scenario) -> float | None:
    return scenario.privacy.delta if isinstance(scenario.privacy, DpSgd) else None
