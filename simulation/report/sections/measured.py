"""What a run's findings measured, as numbers that can be drawn, whoever wrote the file."""

import math
from dataclasses import dataclass

from simulation.report.files.fields import Fields
from simulation.report.files.run import Run
from simulation.report.wording import significant

AUC = "AUC of "
"""How the figure of an attack begins whose success is an area under the curve."""
GUESSING = 0.5
"""The area under the curve of who guesses; 1 is certainty."""
CANARY, LOWER_BOUND, NOISE = "canary", "epsilon, lower bound", "noise, standard deviation over the claimed one"

_MOST = 100
_LONGEST = 120


@dataclass(frozen=True)
class Measured:
    """One finding's figure, where it lies with `confidence`, and what a guesser would get, where that is known.

    An interval that does not hold the value is none.
    """

    kind: str
    figure: str
    value: float
    low: float | None
    high: float | None
    confidence: float | None
    guessing: float | None
    contradiction: bool

    @property
    def name(self) -> str:
        """What was measured by which audit."""
        return f"{self.kind}: {self.figure}"

    @property
    def is_auc(self) -> bool:
        """Whether it is an attack's success on the scale on which 0.5 is guessing and 1 is certainty."""
        return self.figure.startswith(AUC) and self.is_share

    @property
    def is_share(self) -> bool:
        """Whether the value and its interval are known and lie between 0 and 1."""
        return self.low is not None and self.high is not None and 0 <= self.low <= self.high <= 1

    @property
    def interval(self) -> str:
        """Where it lies, in words; empty where nothing is known."""
        sure = "" if self.confidence is None else f" with {self.confidence * 100:.4g}% confidence"
        match self.low, self.high:
            case (None, None):
                return ""
            case (low, None):
                return f"at least {significant(low)}{sure}"
            case (None, high):
                return f"at most {significant(high)}{sure}"
            case (low, high):
                return f"{significant(low)} to {significant(high)}{sure}"


def measured(run: Run) -> tuple[Measured, ...]:
    """Every finding of a run with a finite value, in the order of its file."""
    found = (_measured(told) for told in run.summary.inners("findings")[:_MOST])
    return tuple(one for one in found if one is not None)


def lower_bounds(run: Run) -> tuple[Measured, ...]:
    """The lower bounds on epsilon that canaries gave."""
    return tuple(
        one for one in measured(run) if one.kind == CANARY and one.figure == LOWER_BOUND and 0 <= one.value < 1e12
    )


def on_purpose(run: Run) -> tuple[tuple[str, Measured], ...]:
    """The bounds on mechanisms that an audit broke on purpose, which are not the run's, each with what was done."""
    told = f"{LOWER_BOUND}, "
    return tuple(
        (one.figure.removeprefix(told), one)
        for one in measured(run)
        if one.kind == CANARY and one.figure.startswith(told) and 0 <= one.value < 1e12
    )


def _measured(told: Fields) -> Measured | None:
    value, low, high = (told.finite(key) for key in ("value", "low", "high"))
    if value is None:
        return None
    if not (-math.inf if low is None else low) <= value <= (math.inf if high is None else high):
        low = high = None
    confidence, figure = told.finite("confidence"), _short(told.text("figure")) or "a figure without a name"
    guessing = GUESSING if figure.startswith(AUC) else told.inner("facts").finite("guessing")
    return Measured(
        kind=_short(told.text("kind")) or "an audit",
        figure=figure,
        value=value,
        low=low,
        high=high,
        confidence=confidence if confidence is not None and 0 < confidence < 1 else None,
        guessing=guessing if guessing is not None and 0 <= guessing <= 1 else None,
        contradiction=told.flag("contradiction"),
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
