"""The keys that a `[sweep]` varies, each with its values or the range they are searched in."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError

from privacy.errors import ScenarioError
from privacy.parameters import Parameters
from scenarios import refusals
from scenarios.shape import SWEEP
from scenarios.source import Opened
from scenarios.toml_lines import KeyPath, key_parts
from scenarios.values import written

MOST_POINTS = 2000
SEED = "seed"
NAMES = "names"
_RANGE = {"low", "high"}
_LONGEST_NAME = 60

Parsed = TypeVar("Parsed", bound=Parameters)


class Range(Parameters):
    """Numbers from `low` to `high`, whole ones if both ends are; with `log`, each order of magnitude counts alike."""

    low: int | float
    """The least value."""
    high: int | float
    """The greatest value."""
    log: bool = False
    """Whether each order of magnitude counts alike."""


class Search(Parameters):
    """How values are found in ranges: at random, by a Parzen estimator (TPE), or by NSGA-II against epsilon."""

    kind: Literal["random", "tpe", "nsga2"]
    """How values are found."""
    trials: Annotated[int, Field(ge=1, le=MOST_POINTS)]
    """How many settings are tried."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """What the search draws from."""
    objective: Literal["validation_accuracy", "accuracy"] = "validation_accuracy"
    """What is to be high."""


@dataclass(frozen=True)
class Axis:
    """One key that is varied: the values it takes, or the range they are searched in; `place` is where that stands."""

    key: str
    path: KeyPath
    place: str
    values: tuple[object, ...]
    range: Range | None = None


def read_axes(opened: Opened, table: Mapping[str, object]) -> Iterator[Axis]:
    """Every key of the table, the seed last. Raises ScenarioError, one problem a line."""
    problems, axes = list[str](), dict[str, Axis]()
    for raw, value in _flat(table):
        parts = [key_parts(str(part)) for part in raw]
        path, place = tuple(itertools.chain.from_iterable(part or ("",) for part in parts)), opened.place((SWEEP, *raw))
        key = ".".join(map(str, path))
        values = tuple(value) if isinstance(value, list) else ()
        wanted = parsed(Range, opened, raw, value) if isinstance(value, dict) else None
        if wanted is not None:
            values = (wanted.low, wanted.high)
        reason = _refusal(key, value, values, wanted, key in axes)
        if reason:
            problems.append(refusals.line(place, (SWEEP, *raw), reason))
        axes[key] = Axis(key, path, place, values, wanted)
    if not axes:
        problems.append(refusals.line(opened.place((SWEEP,)), (SWEEP,), "names no key to vary, as in seed = [0, 1, 2]"))
    if problems:
        raise ScenarioError(problems)
    # Runs that differ in their seed only stand together.
    yield from sorted(axes.values(), key=lambda axis: axis.key == SEED)


def read_names(opened: Opened, axes: Sequence[Axis], table: object) -> dict[str, dict[str, str]]:
    """What the values of keys are called, by the value as it is written. Raises ScenarioError, one problem a line."""
    listed = {axis.key: axis for axis in axes if axis.range is None and axis.key != SEED}
    named, problems = dict[str, dict[str, str]](), list[str]()
    for raw, names in _flat(table) if isinstance(table, dict) else [((), table)]:
        key = ".".join(map(str, raw))
        if key not in listed:
            reason = f"expected a key with a list of values in [sweep], one of: {', '.join(listed) or 'none'}"
        elif not isinstance(names, list) or not all(map(_is_name, names)):
            reason = "expected a list of short names"
        elif len(names) != len(listed[key].values) or len(set(names)) != len(names):
            reason = f"expected a name of its own for each of the {len(listed[key].values)} values of {key}"
        else:
            named[key] = dict(zip(map(written, listed[key].values), names, strict=True))
            continue
        place = opened.place((SWEEP, NAMES, *raw))
        problems.append(refusals.line(place, (SWEEP, NAMES, *raw), reason))
    if problems:
        raise ScenarioError(problems)
    return named


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value.isprintable()


def parsed(kind: type[Parsed], opened: Opened, key: str | KeyPath, value: object) -> Parsed:
    """A table of the [sweep] as this class. Raises ScenarioError with its line."""
    path: KeyPath = (SWEEP, key) if isinstance(key, str) else (SWEEP, *key)
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise ScenarioError(
            [
                refusals.line(opened.place(path), (*path, *one["loc"][:1]), one["msg"])
                for one in error.errors(include_url=False)
            ]
        ) from None


def _refusal(key: str, value: object, values: tuple[object, ...], wanted: Range | None, twice: bool) -> str:
    if not key or "" in key.split("."):
        return "not a dotted key"
    if twice or key in ("format", "name", SWEEP) or key.startswith(f"{SWEEP}."):
        return "given twice" if twice else "cannot be varied"
    if wanted is not None:
        bad = wanted.low >= wanted.high or (wanted.log and wanted.low <= 0)
        return "low must lie below high, and above 0 with log = true" if bad else ""
    if not values:
        return f"expected a list of values, or a range {{ low, high }} to search, not {refusals.got(value)}"
    again = [text for text, count in Counter(map(written, values)).items() if count > 1]
    return f"{again[0]} is listed twice" if again else ""


def _flat(table: Mapping[str, object], above: KeyPath = ()) -> Iterator[tuple[KeyPath, object]]:
    """Every key with its values; `privacy.epsilon = []` without quotes comes as tables in one another."""
    for key, value in table.items():
        if isinstance(value, dict) and not value.keys() & _RANGE:
            yield from _flat(value, (*above, key))
        else:
            yield (*above, key), value
