"""Charts of intervals: each thing a row, with its name above and what the interval says below it."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from simulation.report.drawings.drawing import Drawing, Row, layered
from simulation.report.drawings.palette import Palette

_STEP = 62
_WIDE_SPAN = 30
"""The largest value from which on an axis that begins at 0 is drawn closer and closer."""


@dataclass(frozen=True)
class Scale:
    """From where to where an axis goes, what it is called and how its numbers are written (a format of d3)."""

    low: float
    high: float
    title: str
    numbers: str


def intervals(rows: Sequence[Row], marks: Sequence[Row], scale: Scale, palette: Palette) -> Drawing:
    """Rows of `row` (a number), `name`, `words`, `low`, `high` and `kind`: "sound", "contradiction" or "open".

    A row may have a `value` within its interval. An open one has no upper end and goes on to the right. Marks are
    rows of `row` and `value` at which a dashed line crosses it; the first mark's `word` stands above.
    """
    y = alt.Y("row:O", axis=None, scale=alt.Scale(domain=[row["row"] for row in rows], paddingInner=0, paddingOuter=0))
    axis = alt.Axis(title=scale.title, format=scale.numbers, tickCount=6, grid=True, labelOverlap=True)
    closer = scale.low == 0 and scale.high > _WIDE_SPAN
    kind = {"type": "symlog", "constant": 1} if closer else {}
    across = alt.Scale(domain=[scale.low, scale.high], nice=False, zero=False, clamp=True, **kind)
    colour = alt.condition("datum.kind == 'contradiction'", alt.value(palette.second), alt.value(palette.first))
    base = alt.Chart(alt.NamedData(name="rows")).encode(y=y)
    tooltip = [alt.Tooltip("name:N", title="what"), alt.Tooltip("words:N", title="found")]
    crossing = alt.Chart(alt.NamedData(name="marks")).encode(y=y, x=alt.X("value:Q", scale=across, axis=axis))
    told = base.encode(x=alt.XValue(0))
    limit = alt.ExprRef("width")
    layers = [
        crossing.mark_tick(
            orient="vertical", size=24, thickness=1.5, color=palette.ink, strokeDash=[4, 3], fillOpacity=0
        ).encode(stroke=alt.StrokeValue(palette.muted)),
        crossing.transform_filter("datum.word != ''")
        .mark_text(baseline="bottom", color=palette.muted, fontSize=12)
        .encode(y=alt.YValue(-4), text=alt.Text("word:N")),
        base.mark_rule(strokeWidth=6, strokeCap="butt").encode(
            x=alt.X("low:Q", scale=across, axis=axis), x2=alt.X2("high:Q"), color=colour, tooltip=tooltip
        ),
        *(_end(base, name, across, palette) for name in ("low", "high")),
        base.transform_filter("datum.kind == 'open'")
        .mark_point(shape="triangle-right", filled=True, size=160, color=palette.first, opacity=1)
        .encode(x=alt.X("high:Q", scale=across, axis=axis)),
        base.transform_filter("isValid(datum.value)")
        .mark_point(shape="diamond", filled=True, size=130, opacity=1, stroke=palette.paper, strokeWidth=1)
        .encode(x=alt.X("value:Q", scale=across, axis=axis), color=colour, tooltip=tooltip),
        told.mark_text(align="left", dy=-18, color=palette.ink, fontSize=13, limit=limit).encode(
            text=alt.Text("name:N")
        ),
        told.mark_text(align="left", dy=17, color=palette.muted, fontSize=12, limit=limit).encode(
            text=alt.Text("words:N")
        ),
    ]
    return layered(layers, _STEP * max(1, len(rows)), rows=rows, marks=marks)


def _end(base: alt.Chart, name: str, across: alt.Scale, palette: Palette) -> alt.Chart:
    """A stroke across an interval's end; an open one has none to the right."""
    ends = base.transform_filter("datum.kind != 'open'") if name == "high" else base
    return ends.mark_tick(orient="vertical", size=16, thickness=2.5, color=palette.ink).encode(
        x=alt.X(f"{name}:Q", scale=across)
    )
