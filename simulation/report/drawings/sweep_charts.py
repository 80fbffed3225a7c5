"""The charts of a sweep: accuracy against what it costs, each setting a point with the spread over its seeds."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from simulation.report.drawings.drawing import Drawing, Row, layered
from simulation.report.drawings.palette import Palette

_HEIGHT = 340
_DASHED = {"interpolate": "step-after", "strokeDash": [5, 3], "strokeWidth": 1.5}


@dataclass(frozen=True)
class Axis:
    """The axis of costs: its title, which is no file's, the format of its numbers, and where a dotted line stands."""

    title: str
    numbers: str
    mark: float | None = None


def trade_off(rows: Sequence[Row], front: Sequence[Row], level: Sequence[Row], axis: Axis, palette: Palette) -> Drawing:
    """Accuracy against a cost: rows of `cost`, `accuracy`, `low`, `high`, `kind`, `label`; the front of the first two.

    A row whose cost has a spread to be drawn has its ends as `least` and `most`.

    A level is an `accuracy` with a `label` that has no cost to stand at.
    """
    marks: list[Row] = [] if axis.mark is None else [{"cost": axis.mark}]
    across = alt.Axis(title=axis.title, format=axis.numbers, tickCount=6, grid=False, titleLimit=0)
    x = alt.X("cost:Q", scale=_scale([*rows, *marks]), axis=across)
    y = alt.Y(
        "accuracy:Q", scale=alt.Scale(zero=False, padding=10), axis=alt.Axis(title="accuracy", format="%", tickCount=6)
    )
    kinds = [kind for kind in ("chosen", "tried") if any(row["kind"] == kind for row in rows)]
    legend = alt.Legend(title=None, orient="bottom", symbolSize=110) if len(kinds) > 1 else None
    looks = {"chosen": (palette.second, "diamond"), "tried": (palette.first, "circle")}
    base = alt.Chart(alt.NamedData(name="rows")).encode(
        x=x,
        color=alt.Color(
            "kind:N", scale=alt.Scale(domain=kinds, range=[looks[kind][0] for kind in kinds]), legend=legend
        ),
    )
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=[looks[kind][1] for kind in kinds]), legend=legend)
    tooltip = [
        alt.Tooltip("label:N", title="setting"),
        alt.Tooltip("accuracy:Q", format=".2%"),
        alt.Tooltip("spread:N", title="over seeds"),
        alt.Tooltip("cost:Q", title=axis.title, format=",.4~g"),
    ]
    line = alt.Chart(alt.NamedData(name="front")).encode(x=x, y=y)
    mark = alt.Chart(alt.NamedData(name="marks"))
    spread = base.mark_rule(strokeWidth=1.5, opacity=0.6)
    # A layer without rows has no extent, which Vega complains of.
    layers = [
        *_level(level, y, palette),
        *([mark.mark_rule(color=palette.ink, strokeDash=[1, 3]).encode(x=x)] if marks else ()),
        *([line.mark_line(**_DASHED, color=palette.muted)] if front else ()),
        spread.encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q")),
        *([spread.encode(x=alt.X("least:Q"), x2=alt.X2("most:Q"), y=y)] if any("least" in row for row in rows) else ()),
        base.mark_point(filled=True, size=90, opacity=1).encode(y=y, shape=shape, tooltip=tooltip),
    ]
    return layered(layers, _HEIGHT, rows=rows, front=front, level=level, marks=marks)


def _scale(rows: Sequence[Row]) -> alt.Scale:
    """Logarithmic where costs span much; where they hardly differ, so wide that nobody takes it for a difference."""
    costs = [float(str(row["cost"])) for row in rows] or [1.0]
    least, most = min(costs), max(costs)
    if least > 0 and most / least >= 5:
        return alt.Scale(type="log", domain=[least / 1.4, most * 1.4], nice=False)
    around = max(0.05 * (most - least), 0.1 * most, 1e-9)
    return alt.Scale(domain=[max(0.0, least - around), most + around], nice=False, zero=False)


def _level(rows: Sequence[Row], y: alt.Y, palette: Palette) -> list[alt.Chart]:
    if not rows:
        return []
    base = alt.Chart(alt.NamedData(name="level")).encode(y=y)
    text = base.mark_text(color=palette.ink, align="left", baseline="bottom", dx=4, dy=-3, fontSize=12)
    return [
        base.mark_rule(color=palette.ink, strokeDash=[2, 3]),
        text.encode(x=alt.XValue(0), text=alt.Text("label:N")),
    ]
