"""The charts of a sweep: accuracy against what it costs, each setting a point with the spread over its seeds."""

from collections.abc import Sequence

import altair as alt

from simulation.report.drawing import Drawing, Row, layered
from simulation.report.palette import Palette

_HEIGHT = 340


def trade_off(
    rows: Sequence[Row], front: Sequence[Row], level: Sequence[Row], axis: tuple[str, str], palette: Palette
) -> Drawing:
    """Accuracy against a cost: rows of `cost`, `accuracy`, `low`, `high`, `kind`, `label`; the front of the first two.

    A level is an `accuracy` with a `label` that has no cost to stand at. The axis of costs has a title and a format.
    """
    title, numbers = axis
    x = alt.X("cost:Q", scale=_scale(rows), axis=alt.Axis(title=title, format=numbers, tickCount=6, grid=False))
    y = alt.Y(
        "accuracy:Q", scale=alt.Scale(zero=False, padding=10), axis=alt.Axis(title="accuracy", format="%", tickCount=6)
    )
    legend = alt.Legend(title=None, orient="bottom", symbolSize=110)
    kinds = [kind for kind in ("chosen", "tried") if any(row["kind"] == kind for row in rows)]
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
        alt.Tooltip("cost:Q", title=title, format=",.4~g"),
    ]
    line = alt.Chart(alt.NamedData(name="front")).encode(x=x, y=y)
    layers = [
        *_level(level, y, palette),
        line.mark_line(color=palette.muted, interpolate="step-after", strokeDash=[5, 3], strokeWidth=1.5),
        base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_point(filled=True, size=90, opacity=1).encode(y=y, shape=shape, tooltip=tooltip),
    ]
    return layered(layers, _HEIGHT, rows=rows, front=front, level=level)


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
        text.encode(x=alt.value(0), text="label:N"),
    ]
