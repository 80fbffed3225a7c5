"""Searching ranges: which settings to try next, from how those before did."""

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from privacy.errors import ScenarioError
from scenarios import refusals
from scenarios.axes import SEED, Axis, Search
from scenarios.grid import Settings, Sweep
from scenarios.seeds import stream
from scenarios.shape import SWEEP

if TYPE_CHECKING:
    pass

NO_BOUND = 1e9
"""What stands for the epsilon of a run that nothing bounds where epsilon is to be small."""


@dataclass(frozen=True)
class Score:
    """How a trial did over its seeds: what is to be large, and the epsilon that is to be small."""

    objective: float
    epsilon: float


class Searcher(Protocol):
    """Says what to try next. The same answers give the same questions, so that a search can be gone on with."""

    def ask(self) -> Settings:
        """The next settings, without a seed."""

    def tell(self, place: int, score: Score | None) -> None:
        """How the trial of this place, counted from 0 in the order asked, did; None: it has no score."""


def require_searcher(sweep: Sweep) -> None:
    """Raise ScenarioError where Optuna is needed and not installed."""
    search = sweep.search
    if search is not None and search.kind != "random" and importlib.util.find_spec("optuna") is None:
        reason = f'{search.kind} needs Optuna: pip install "fedcrucible[search]"; or say kind = "random"'
        raise ScenarioError([refusals.line(sweep.opened.place((SWEEP, "search")), (SWEEP, "search"), reason)])


def searchers(sweep: Sweep, search: Search) -> list[tuple[Settings, Searcher]]:
    """A searcher for each value of the front's key, which is kept; NSGA-II looks for the front itself."""
    split = sweep.front if search.kind != "nsga2" else None
    searched = [axis for axis in sweep.axes if axis.key not in (SEED, split)]
    fronts: list[Settings] = [{axis.key: value} for axis in sweep.axes if axis.key == split for value in axis.values]
    return [(kept, _searcher(searched, search, number)) for number, kept in enumerate(fronts or [{}])]


def _searcher(axes: Sequence[Axis], search: Search, number: int) -> Searcher:
    return Random(axes, search, number) if search.kind == "random" else Optuna(axes, search, number)


class Random:
    """Every value drawn on its own, uniformly or, with `log`, uniformly by its logarithm."""

    def __init__(self, axes: Sequence[Axis], search: Search, number: int) -> None:
        self._axes = axes
        self._rng = stream(search.seed, "search", number)

    def ask(self) -> Settings:
        """Draw one of each."""
        return {axis.key: self._drawn(axis) for axis in self._axes}

    def tell(self, place: int, score: Score | None) -> None:
        """Chance does not learn."""

    def _drawn(self, axis: Axis) -> object:
        if axis.range is None:
            return axis.values[int(self._rng.integers(len(axis.values)))]
        low, high = axis.range.low, axis.range.high
        whole = isinstance(low, int) and isinstance(high, int)
        if whole and not axis.range.log:
            return int(self._rng.integers(int(low), int(high) + 1))
        drawn = (
            math.exp(self._rng.uniform(math.log(low), math.log(high)))
            if axis.range.log
            else self._rng.uniform(low, high)
        )
        bounded = float(np.clip(drawn, low, high))
        return round(bounded) if whole else _short(bounded)


class Optuna:
    """Optuna's tree-structured Parzen estimator, or NSGA-II for the objective and epsilon together."""

    def __init__(self, axes: Sequence[Axis], search: Search, number: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        seed = search.seed + number
        self._both = search.kind == "nsga2"
        sampler: optuna.samplers.BaseSampler = (
            optuna.samplers.NSGAIISampler(seed=seed, population_size=min(50, max(2, search.trials // 4)))
            if self._both
            else optuna.samplers.TPESampler(seed=seed)
        )
        directions = ["maximize", "minimize"] if self._both else ["maximize"]
        self._study = optuna.create_study(directions=directions, sampler=sampler)
        self._axes = axes
        self._space = {axis.key: _distribution(axis) for axis in axes}
        self._trials: list[optuna.Trial] = []

    def ask(self) -> Settings:
        """What the sampler would try."""
        trial = self._study.ask(self._space)
        self._trials.append(trial)
        return {axis.key: _value(axis, trial.params[axis.key]) for axis in self._axes}

    def tell(self, place: int, score: Score | None) -> None:
        """Let the sampler know."""
        import optuna

        if score is None:
            self._study.tell(self._trials[place], state=optuna.trial.TrialState.FAIL)
            return
        values = [score.objective, score.epsilon] if self._both else [score.objective]
        self._study.tell(self._trials[place], values)


def _distribution(axis: Axis) -> Any:  # noqa: ANN401 - Optuna is optional, and so are its types
    from optuna import distributions

    if axis.range is None:
        # Tables are no choices for Optuna; their places are.
        return distributions.CategoricalDistribution(list(range(len(axis.values))))
    low, high, log = axis.range.low, axis.range.high, axis.range.log
    if isinstance(low, int) and isinstance(high, int):
        return distributions.IntDistribution(low, high, log=log)
    return distributions.FloatDistribution(float(low), float(high), log=log)


def _value(axis: Axis, found: Any) -> object:  # noqa: ANN401 - whatever the distribution gives
    if axis.range is None:
        return axis.values[int(found)]
    return found if isinstance(found, int) else _short(float(found))


def _short(value: float) -> float:
    """Four digits: nobody means more, and a person can write them down."""
    return float(f"{value:.4g}")
