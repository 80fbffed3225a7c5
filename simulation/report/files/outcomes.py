"""A sweep's `results.json`, read into values that its page can rely on, whoever wrote the file."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

from privacy.errors import ScenarioError
from scenarios.values import shown, written
from server.run_directory.files import require_files
from simulation.report.files.fields import Fields, parse

_MOST = 2000
_MOST_FINDINGS = 100
_LONGEST = 120


@dataclass(frozen=True)
class Spread:
    """The mean of some seeds, and how far they lie apart."""

    mean: float
    deviation: float
    count: int


@dataclass(frozen=True)
class Found:
    """A figure of audits over the seeds; `on_front`: no other setting is as accurate and gives this attack less."""

    spread: Spread
    on_front: bool


@dataclass(frozen=True)
class Setting:
    """One setting over its seeds; a figure that it does not have is None.

    `words` are its values by key, those of the keys in `named` as the file names them.
    """

    words: dict[str, str]
    runs: int
    count: int
    figures: dict[str, Spread]
    chosen: bool
    on_epsilon_front: bool
    on_bytes_front: bool
    findings: dict[str, Found]
    named: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Its values in one line."""
        return (
            ", ".join(value if key in self.named else f"{key} {value}" for key, value in self.words.items())
            or "the only setting"
        )

    def figure(self, name: str) -> Spread | None:
        """A figure's spread."""
        return self.figures.get(name)


@dataclass(frozen=True)
class Failure:
    """A run that has no figures, or no findings of its audits, and why."""

    name: str
    status: str
    reason: str


@dataclass(frozen=True)
class Outcomes:
    """Everything the page knows of a sweep: `told` is the file itself, `text` the scenario's."""

    told: Fields
    text: str
    settings: tuple[Setting, ...]
    failures: tuple[Failure, ...]
    runs: int
    completed: int
    contradictions: tuple[str, ...]

    @property
    def validated(self) -> bool:
        """Whether settings were chosen by records that are neither trained nor tested on."""
        return self.told.text("chosen_by") == "validation_accuracy"


def is_sweep(directory: Path) -> bool:
    """Whether a directory is a sweep's and not a run's. Raises ScenarioError where its `sweep.json` is a directory."""
    if os.path.exists(directory / "manifest.json"):  # which is False, and no error, for a name that cannot be
        return False
    require_files(directory / "sweep.json")
    return os.path.exists(directory / "sweep.json")


def read_outcomes(directory: Path) -> Outcomes:
    """Read a sweep's directory. Raises ScenarioError where there are no results that can be read."""
    path = directory / "results.json"
    require_files(path)
    try:
        told = parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError(
            [f"{directory}: the sweep has no results yet; fedcrucible sweep goes on with it"]
        ) from error
    except ValueError as error:
        raise ScenarioError([f"{path}: {error}"]) from error
    runs, names = told.inners("runs"), told.inner("names")
    failures = [failure for one in runs if (failure := _failure(one)) is not None]
    return Outcomes(
        told=told,
        text=_text(directory / "sweep.json"),
        settings=tuple(_setting(one, names) for one in told.inners("settings")[:_MOST]),
        failures=tuple(failures[:_MOST]),
        runs=len(runs),
        completed=sum(one.text("status") == "completed" for one in runs),
        contradictions=tuple(
            f"{one.text('name')}: {statement}" for one in runs for statement in one.texts("contradictions")
        )[:_MOST],
    )


def _text(path: Path) -> str:
    try:
        return parse(path.read_text(encoding="utf-8")).text("scenario_text")
    except (OSError, ValueError):
        return ""


def _failure(told: Fields) -> Failure | None:
    name, status = told.text("name"), told.text("status") or "unknown"
    if status != "completed":
        return Failure(name, status, told.text("reason"))
    match told.text("audits"):
        case "failed":
            return Failure(name, "completed, its audits failed", told.text("audits_failed"))
        case "waiting":
            return Failure(name, "completed, not audited yet", "")
        case _:
            return None


def _setting(told: Fields, names: Fields) -> Setting:
    figures = (
        "accuracy",
        "validation_accuracy",
        "loss",
        "average_accuracy",
        "forgetting",
        "epsilon",
        "bytes",
        "seconds",
    )
    spreads = {name: spread for name in figures if (spread := _spread(told.inner(name))) is not None}
    values = told.inner("settings").values
    called = {key: name for key, value in values.items() if (name := _name(names.inner(key), value))}
    return Setting(
        words={key: called.get(key) or _words(value) for key, value in values.items()},
        named=frozenset(called),
        runs=told.count("runs"),
        count=told.count("count"),
        figures=spreads,
        chosen=told.flag("chosen"),
        on_epsilon_front=told.flag("on_epsilon_front"),
        on_bytes_front=told.flag("on_bytes_front"),
        findings=_found(told.inner("findings")),
    )


def _found(told: Fields) -> dict[str, Found]:
    spreads = {name: _spread(told.inner(name)) for name in list(told)[:_MOST_FINDINGS]}
    return {
        name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}...": Found(
            spread, told.inner(name).flag("on_front")
        )
        for name, spread in spreads.items()
        if spread is not None
    }


def _spread(told: Fields) -> Spread | None:
    mean = told.finite("mean")
    if mean is None:
        return None
    deviation = told.finite("standard_deviation") or 0.0
    return Spread(mean, deviation if math.isfinite(deviation) and deviation > 0 else 0.0, told.count("count"))


def _name(names: Fields, value: object) -> str:
    """What the file calls a value; empty where it does not say."""
    try:
        return names.text(written(value))[:_LONGEST]
    except (RecursionError, ValueError):
        return ""


def _words(value: object) -> str:
    try:
        words = shown(value)
    except (RecursionError, ValueError):
        return "a value too large to show"
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 3]}..."
