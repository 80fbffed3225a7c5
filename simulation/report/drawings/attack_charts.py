"""The chart of attack success against epsilon: what nothing bounds stands to the right of every number."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from simulation.report.drawings.drawing import Drawing, Row, layered
from simulation.report.drawings.palette import Palette
from simulation.report.sections.measured import GUESSING

LEAST, MOST = 1e-6, 1e12
"""The epsilons that are drawn as numbers."""

_HEIGHT = 340
_SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
_APART = 0.018
"""How far marks of one run stand apart, as a share of the width: they would hide each other."""
_FEW = 6


@dataclass(frozen=True)
class Places:
    """Where epsilons stand on a logarithmic axis from `low` to `high`; `far` is the place of those without a bound."""

    low: float
    high: float
    far: float
    ticks: tuple[float, ...]

    def of(self, epsilon: float | None, place: int, count: int) -> float:
        """Where the mark of this place among so many stands."""
        at = self.far if epsilon is None or not epsilon <= MOST else max(epsilon, LEAST)
        share = _APART * (place - (count - 1) / 2)
        return float(at * (self.high / self.low) ** share)


def places(epsilons: Sequence[float | None]) -> Places:
    """The axis for these epsilons; None and infinity have no bound."""
    known = sorted({max(one, LEAST) for one in epsilons if one is not None and one <= MOST})
    unbounded = any(one is None or not one <= MOST for one in epsilons)
    if not known:
        return Places(0.5, 2.0, 1.0, (1.0,))
    span = max(known[-1] / known[0], 4.0)
    # What has no bound stands clear of the numbers, and a lone number in the middle.
    far = known[-1] * span**0.35
    low, high = known[0] / span**0.12, (far if unbounded else known[-1]) * span**0.12
    ticks = known if len(known) <= _FEW else _round_numbers(known[0], known[-1])
    return Places(low, high, far, (*ticks, *([far] if unbounded else ())))


def against_epsilon(
    rows: Sequence[Row], attacks: Sequence[str], axis: Places, success: str, palette: Palette
) -> Drawing:
    """Rows of `x`, `epsilon` (in words), `value`, `low`, `high`, `attack` and `name`, the run or setting.

    Each attack has a colour and a shape of its own; guessing is marked at 0.5. `success` names the axis.
    """
    last = max((tick for tick in axis.ticks if tick != axis.far), default=0.0)
    between = math.sqrt(last * axis.far)
    x = alt.X(
        "x:Q",
        scale=alt.Scale(type="log", domain=[axis.low, axis.high], nice=False),
        axis=alt.Axis(
            title="ε (a smaller one is a stronger promise)",
            values=list(axis.ticks),
            labelExpr=f"datum.value > {between!r} ? 'no bound' : format(datum.value, '.3~g')",
            labelOverlap=True,
            grid=False,
        ),
    )
    y = alt.Y(
        "value:Q", scale=alt.Scale(zero=False, padding=12), axis=alt.Axis(title=success, format=".2f", tickCount=6)
    )
    legend = alt.Legend(title=None, orient="top", symbolSize=100, labelLimit=0, columns=1)
    shapes = [_SHAPES[place % len(_SHAPES)] for place in range(len(attacks))]
    colour = alt.Color(
        "attack:N", scale=alt.Scale(domain=list(attacks), range=palette.ramp(len(attacks))), legend=legend
    )
    shape = alt.Shape("attack:N", scale=alt.Scale(domain=list(attacks), range=shapes), legend=legend)
    tooltip = [
        alt.Tooltip("name:N", title="what"),
        alt.Tooltip("attack:N"),
        alt.Tooltip("epsilon:N", title="ε"),
        alt.Tooltip("said:N", title=success),
    ]
    base = alt.Chart(alt.NamedData(name="rows")).encode(x=x, color=colour, tooltip=tooltip)
    guessing = alt.Chart(alt.NamedData(name="guessing")).encode(y=y)
    layers = [
        guessing.mark_rule(color=palette.ink, strokeDash=[4, 3]),
        guessing.mark_text(align="right", baseline="top", dx=-4, dy=4, fontSize=12, color=palette.ink).encode(
            x=alt.XValue("width"), text=alt.Text("word:N")
        ),
        base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q")),
        base.mark_point(filled=True, size=90, opacity=1).encode(y=y, shape=shape),
    ]
    if axis.far in axis.ticks and last:
        edge = alt.Chart(alt.NamedData(name="edge")).mark_rule(color=palette.grid, strokeWidth=1.5).encode(x=x)
        layers = [edge, *layers]
    return layered(
        layers, _HEIGHT, rows=rows, guessing=[{"value": GUESSING, "word": "guessing"}], edge=[{"x": between}]
    )


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten from the one to the other."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    numbers = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return [one for one in numbers if low <= one <= high] or [low, high]
