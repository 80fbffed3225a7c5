"""`fedcrucible sweep`: check every point, play what has not been played, and write down what they show together."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from privacy.errors import RunFailed, ScenarioError
from scenarios import grid
from scenarios.axes import SEED
from scenarios.grid import Point, Settings, Sweep, named
from scenarios.shape import SWEEP
from scenarios.values import counted
from server.run_directory.files import RunDirectory, write_json
from server.run_directory.opening import outlook_for
from simulation.engines.cores import usable_cores
from simulation.report import write_report
from simulation.sweeps import table
from simulation.sweeps.directory import SweepDirectory, table_or_nothing
from simulation.sweeps.playing import Players
from simulation.sweeps.results import results_of, score_of
from simulation.sweeps.search import Searcher, require_searcher, searchers

_AT_ONCE = 4
"""Trials that a searcher is asked for before it is told how they did."""


def start(file: str, overrides: Sequence[str], jobs: int | None = None, out: Path | None = None) -> Path:
    """Run a sweep, or go on with it; returns its directory.

    Raises ScenarioError before anything has run, RunFailed where runs failed or the sweep was stopped.
    """
    sweep = grid.read(file, overrides)
    directory = SweepDirectory(out or Path("sweeps") / sweep.first.name)
    _play(sweep, directory, jobs)
    return directory.path


def resume(path: Path, jobs: int | None = None) -> None:
    """Go on with the sweep of a directory, as its file was when it was started there. Raises what `start` does."""
    directory = SweepDirectory(path)
    _play(directory.read(), directory, jobs)


def _play(sweep: Sweep, directory: SweepDirectory, jobs: int | None) -> None:
    possible = sweep.points or sweep.ends
    require_possible(sweep, [point for point in possible if directory.status(point)[0] != "completed"])
    asking = searchers(sweep, sweep.search) if sweep.search is not None else []
    directory.open()
    with RunDirectory(directory.path).locked():
        print(f"{sweep.first.name}: {sweep.first.question}", file=sys.stderr)  # noqa: T201
        points = list(sweep.points)
        players = Players(directory, jobs or usable_cores(), lambda: directory.write(sweep, points))
        directory.write(sweep, points)
        try:
            players.play(points, len(points))
            for kept, searcher in asking:
                _search(sweep, kept, searcher, points, players)
        except KeyboardInterrupt:
            raise RunFailed("stopped; the same command goes on with it") from None
        finally:
            _conclude(sweep, points, directory, players)
    problems = [*_told(players), *_contradicted(directory)]
    if problems:
        raise RunFailed("\n".join([*closing_lines(directory.path), *problems]))


def _search(sweep: Sweep, kept: Settings, searcher: Searcher, points: list[Point], players: Players) -> None:
    """Play the trials that a searcher asks for, adding to `points`; so many at a time whatever the number of jobs,
    since what it asks for depends on what it has been told."""
    assert sweep.search is not None
    seeds = next((axis.values for axis in sweep.axes if axis.key == SEED), None)
    total = len(points) + sweep.search.trials * len(seeds or [0])
    for first in range(0, sweep.search.trials, _AT_ONCE):
        places = range(first, min(first + _AT_ONCE, sweep.search.trials))
        trials = {place: _trial(sweep, {**kept, **searcher.ask()}, seeds, players) for place in places}
        known = {point.sha256 for point in points}
        fresh = {point.sha256: point for trial in trials.values() for point in trial if point.sha256 not in known}
        points += fresh.values()
        players.play(list(fresh.values()), total)
        for place, trial in trials.items():
            failed = any(point.name in players.failures for point in trial)
            searcher.tell(place, None if failed else score_of(trial, players.directory, sweep.search.objective))


def _trial(sweep: Sweep, settings: Settings, seeds: Sequence[object] | None, players: Players) -> list[Point]:
    """A trial's points, one for each seed; none where it cannot work, which is told at the end."""
    order = {axis.key: settings[axis.key] for axis in sweep.axes if axis.key != SEED}
    try:
        points = [sweep.point(order if seeds is None else {**order, SEED: seed}) for seed in seeds or [None]]
        require_possible(sweep, points)
    except ScenarioError as error:
        players.failures[named(order)] = str(error)
        return []
    return points


def require_possible(sweep: Sweep, points: Sequence[Point]) -> None:
    """Raise ScenarioError where the search lacks what it needs or, naming points, data, cohorts or an epsilon fail."""
    require_searcher(sweep)
    problems = list[str]()
    place = sweep.opened.place((SWEEP,))
    for point in points:
        try:
            outlook_for(point.loaded.scenario)
        except ScenarioError as error:
            problems += [f"{place}: {problem} (at {named(point.settings)})" for problem in error.problems]
    if problems:
        raise ScenarioError(problems[:20])


def closing_lines(path: Path) -> Iterator[str]:
    """What a finished sweep says: its table, its fronts, and where the page is."""
    directory = SweepDirectory(path)
    yield from table.lines(table_or_nothing(directory.results))
    yield f"report: {directory.report}"


def _conclude(sweep: Sweep, points: Sequence[Point], directory: SweepDirectory, players: Players) -> None:
    results = results_of(sweep, points, directory, players.failures, players.unaudited)
    write_json(directory.results, results)
    write_report([directory.path], directory.report)


def _told(players: Players) -> Iterator[str]:
    """What failed, runs first."""
    for failed, what in ((players.failures, "runs"), (players.unaudited, "runs were completed and their audits")):
        for name, reason in failed.items():
            yield f"{players.directory.runs / name}: {reason}"
        if failed:
            yield f"{len(failed)} {what} failed; the same command tries them again"


def _contradicted(directory: SweepDirectory) -> Iterator[str]:
    """What cannot be true of what runs promise, as `fedcrucible audit` ends with it."""
    runs = [run for run in table_or_nothing(directory.results).get("runs", []) if run["contradictions"]]
    for run in runs:
        where = directory.runs / run["name"]
        yield from (f"CONTRADICTION: {where}: {statement}" for statement in run["contradictions"])
    if runs:
        promised = "it promises" if len(runs) == 1 else "these promise"
        yield f"findings of {counted(len(runs), 'run')} contradict what {promised}"
