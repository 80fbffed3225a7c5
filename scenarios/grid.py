"""The `[sweep]` of a file: a grid, or ranges to search, over the keys of a scenario.

Each point of it is a plain scenario, read as if the point's values stood in the file and no `[sweep]` did. All points
are checked when the file is read; of ranges, the ends.
"""

import functools
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from privacy.errors import ScenarioError
from scenarios import refusals, source
from scenarios.audits_that_fit import audits_that_fit, require_one_fit
from scenarios.axes import MOST_POINTS, NAMES, SEED, Axis, Search, parsed, read_axes, read_names
from scenarios.overrides import Setting, assign
from scenarios.schema import Scenario, sha256
from scenarios.shape import SWEEP
from scenarios.source import Loaded, Opened
from scenarios.values import shown, written

_FRONTS = ("privacy", "privacy.epsilon", "privacy.noise_multiplier")
_SHOWN_PROBLEMS = 20

Settings = Mapping[str, object]
"""The value of every key that a sweep varies, by dotted key."""


@dataclass(frozen=True)
class Point:
    """One scenario of a sweep. `overrides` make it of the file on the command line, too.

    `left_out` are the kinds of the file's audits that do not fit this scenario and fit another point's.
    """

    settings: Settings
    loaded: Loaded
    overrides: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @functools.cached_property
    def sha256(self) -> str:
        """The hash of its scenario, by which runs are known again."""
        return sha256(self.loaded.scenario)

    @property
    def name(self) -> str:
        """A folder's name: what a person looks for first, and enough of the hash to be the only one."""
        words = "-".join(
            f"{key.rpartition('.')[2]}-{shown(value)}" for key, value in without_seed(self.settings).items()
        )
        seed = f"-seed-{self.loaded.scenario.seed}" if SEED in self.settings else ""
        return f"{re.sub(r'[^A-Za-z0-9.]+', '-', words)[:60].strip('-.')}{seed}-{self.sha256[:8]}".lstrip("-")


@dataclass(frozen=True)
class Sweep:
    """What a file with a `[sweep]` asks for: the `points` of a grid, or the `ends` of what is to be searched.

    `names` are what values are called in tables and on the page, by key and the value as it is written.
    """

    opened: Opened
    overrides: tuple[str, ...]
    axes: tuple[Axis, ...]
    front: str | None
    search: Search | None
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    ends: tuple[Point, ...] = ()

    @property
    def first(self) -> Scenario:
        """The scenario of one point, for what all have in common."""
        return (self.points or self.ends)[0].loaded.scenario

    def point(self, settings: Settings) -> Point:
        """The scenario with these values. Raises ScenarioError, naming them, where it cannot work."""
        return _point(self, settings)


def read(path_or_library_name: str | Path, overrides: Sequence[str] = ()) -> Sweep:
    """Read a file with a `[sweep]`. Raises ScenarioError: what is wrong at any point, each with its line and point."""
    return of(source.open_file(path_or_library_name, overrides), overrides)


def of(opened: Opened, overrides: Sequence[str]) -> Sweep:
    """The sweep of a file that has been opened with these overrides. Raises ScenarioError as `read` does."""
    table = opened.values.pop(SWEEP, None)
    if table is not None and not isinstance(table, dict):
        expected = "a table of keys with lists of values, or none to leave the grid out"
        reason = f"expected {expected}, not {refusals.got(table)}"
        raise ScenarioError([refusals.line(opened.place((SWEEP,)), (SWEEP,), reason)])
    if table is None:
        raise ScenarioError([refusals.line(f"{opened.path}:1", (), "there is no [sweep] in it: use fedcrucible run")])
    table = dict(table)
    search = parsed(Search, opened, ("search",), table.pop("search")) if "search" in table else None
    front, names = table.pop("front", None), table.pop(NAMES, {})
    axes = tuple(read_axes(opened, table))
    # What another value always takes the place of is still what `sweep=none` plays.
    source.require_sound_below(opened, [axis.path for axis in axes])
    sweep = Sweep(opened, tuple(overrides), axes, None, search)
    _require_search_for_ranges(sweep)
    asked = _grid(sweep) if search is None else _ends(sweep)
    points = _points(sweep, asked)
    require_one_fit(opened, [point.loaded.scenario for point in points])
    # Only now it is known that what is varied are keys.
    sweep = replace(sweep, front=_front(opened, axes, front), names=read_names(opened, axes, names))
    if search is None:
        return replace(sweep, points=points)
    _require_searchable(sweep, search, points)
    return replace(sweep, ends=points)


def named(settings: Settings) -> str:
    """A point in words: "privacy.epsilon = 8.0, seed = 1"."""
    text = ", ".join(f"{key} = {_short(shown(value))}" for key, value in settings.items())
    return text if text.isprintable() else repr(text)[1:-1]


def without_seed(settings: Settings) -> Settings:
    """What the runs have in common that differ in their seed only."""
    return {key: value for key, value in settings.items() if key != SEED}


def _front(opened: Opened, axes: Sequence[Axis], front: object) -> str | None:
    keys = [axis.key for axis in axes if axis.key != SEED and axis.range is None]
    if front is None:
        return next((key for key in _FRONTS if key in keys), None)
    if front not in keys:
        reason = f"expected a key with a list of values in [sweep], one of: {', '.join(keys) or 'none'}"
        raise ScenarioError([refusals.line(opened.place((SWEEP, "front")), (SWEEP, "front"), reason)])
    return str(front)


def _require_search_for_ranges(sweep: Sweep) -> None:
    problems = [
        refusals.line(
            axis.place, (SWEEP, axis.key), "a range is searched: add search = { kind, trials }, or list values"
        )
        for axis in sweep.axes
        if axis.range is not None and sweep.search is None
    ]
    problems += [
        refusals.line(axis.place, (SWEEP, axis.key), "seeds are repetitions: list them")
        for axis in sweep.axes
        if axis.range is not None and axis.key == SEED
    ]
    if problems:
        raise ScenarioError(problems)


def _require_searchable(sweep: Sweep, search: Search, points: Sequence[Point]) -> None:
    place, problem = sweep.opened.place((SWEEP, "search")), ""
    unvalidated = not all(point.loaded.scenario.data.validation_fraction for point in points)
    if search.objective == "validation_accuracy" and unvalidated:
        problem = 'needs data.validation_fraction above 0; or say objective = "accuracy", which is optimistic'
    if all(axis.key == SEED for axis in sweep.axes):
        problem = "there is nothing to search: give ranges or lists of other keys than the seed"
    if problem:
        raise ScenarioError([refusals.line(place, (SWEEP, "search"), problem)])


def _grid(sweep: Sweep) -> list[Settings]:
    """Every combination of every key's values."""
    _require_few(sweep, math.prod(len(axis.values) for axis in sweep.axes))
    keys = [axis.key for axis in sweep.axes]
    return [dict(zip(keys, values, strict=True)) for values in itertools.product(*(one.values for one in sweep.axes))]


def _ends(sweep: Sweep) -> list[Settings]:
    """Points that try every value of every list and both ends of every range at least once."""
    _require_few(sweep, sum(len(axis.values) for axis in sweep.axes))
    first = {axis.key: axis.values[0] for axis in sweep.axes}
    return [first, *({**first, axis.key: value} for axis in sweep.axes for value in axis.values[1:])]


def _require_few(sweep: Sweep, count: int) -> None:
    if count > MOST_POINTS:
        shown_count = f"{count}" if count < 10**9 else "more than a billion"
        reason = f"a grid of {shown_count} points; at most {MOST_POINTS} are run"
        raise ScenarioError([refusals.line(sweep.opened.place((SWEEP,)), (SWEEP,), reason)])


def _points(sweep: Sweep, asked: Sequence[Settings]) -> tuple[Point, ...]:
    """All points. Raises ScenarioError with every problem once, with the first point that has it."""
    points, problems, known = list[Point](), dict[str, list[Settings]](), dict[str, Settings]()
    for settings in asked:
        try:
            point = _point(sweep, settings)
        except ScenarioError as error:
            for problem in error.problems:
                problems.setdefault(problem, []).append(settings)
            continue
        same = known.setdefault(point.sha256, settings)
        if same is not settings:
            problem = f"{sweep.opened.place((SWEEP,))}: sweep: the same scenario as with {named(same)}"
            problems.setdefault(problem, []).append(settings)
        points.append(point)
    if problems:
        lines = [f"{problem} ({_where(where)})" for problem, where in problems.items()]
        more = [f"and {len(lines) - _SHOWN_PROBLEMS} more problems"] if len(lines) > _SHOWN_PROBLEMS else []
        raise ScenarioError([*lines[:_SHOWN_PROBLEMS], *more])
    return tuple(points)


def _where(points: Sequence[Settings]) -> str:
    more = f"; and at {len(points) - 1} more points" if len(points) > 1 else ""
    return f"at {named(points[0])}{more}"


def _point(sweep: Sweep, settings: Settings) -> Point:
    opened = sweep.opened
    # A table comes before what is set in it.
    ordered = sorted(sweep.axes, key=lambda axis: len(axis.path))
    changes = [Setting(axis.path, settings[axis.key], axis.place) for axis in ordered]
    values, origins, refused = assign(opened.values, changes, opened.origins)
    if refused:
        raise ScenarioError(refused)
    kept, left_out = audits_that_fit(opened, values, origins)
    scenario = source.validated(opened, {**values, **kept}, origins)
    said = [f"{_key(axis)}={written(settings[axis.key])}" for axis in ordered]
    said += [f"{key}={written(value)}" for key, value in kept.items()]
    overrides = (*sweep.overrides, f"{SWEEP}=none", *said)
    return Point(settings, Loaded(scenario, opened), overrides, left_out)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _key(axis: Axis) -> str:
    return ".".join(map(str, axis.path))
