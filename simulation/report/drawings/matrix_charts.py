"""The charts of what was kept and what was forgotten: the matrix R[i, j], and forgetting beside privacy."""

from collections.abc import Sequence

import altair as alt

from simulation.report.drawings.drawing import Drawing, Row, layered
from simulation.report.drawings.palette import Palette

_READABLE = 20
_SMALL = 130


def matrix(rows: Sequence[Row], on: Sequence[str], after: Sequence[str], palette: Palette) -> Drawing:
    """R as a heat map: rows of `on`, `after`, `value`, `text`, `name` and `learned`, which is true on the diagonal."""
    readable = len(on) <= _READABLE
    step = 34.0 if len(after) <= 8 else 25.0 if readable else max(4.0, 460 / len(after))
    base = _cells(
        on, after, _axis("accuracy on experience", "top", "datum.label"), _axis(None, "left", "'after ' + datum.label")
    )
    drawn = [base.mark_rect(color=palette.first).encode(opacity=_darkness())]
    if readable:
        on_dark = alt.condition("datum.value > 0.6", alt.value(palette.paper), alt.value(palette.ink))
        drawn.append(
            base.transform_filter("datum.learned").mark_rect(fillOpacity=0, stroke=palette.ink, strokeWidth=1.5)
        )
        drawn.append(
            base.mark_text(fontSize=12 if len(on) <= 12 else 10).encode(text=alt.Text("text:N"), color=on_dark)
        )
    return layered(drawn, step * len(after), rows=rows)


def by_client(rows: Sequence[Row], on: Sequence[str], after: Sequence[str], palette: Palette) -> Drawing:
    """The same, small, for each client: rows with a `client` besides, and its `place` among them."""
    tooltip = [
        alt.Tooltip("client:N"),
        alt.Tooltip("on:N", title="accuracy on experience"),
        alt.Tooltip("after:N", title="after experience"),
        alt.Tooltip("value:Q", title="accuracy", format=".1%"),
    ]
    cells = _cells(on, after, None, None).mark_rect(color=palette.first).encode(opacity=_darkness(), tooltip=tooltip)
    header = alt.Header(title=None, labelColor=palette.ink, labelFont=palette.font, labelFontSize=12, labelLimit=_SMALL)
    chart = cells.properties(width=_SMALL, height=_SMALL).facet(
        facet=alt.Facet("client:N", sort=alt.EncodingSortField("place", op="min"), header=header), columns=6, spacing=22
    )
    return Drawing(chart, {"rows": rows})


def forgetting(rows: Sequence[Row], labels: Sequence[str], palette: Palette) -> Drawing:
    """What was forgotten of each experience, to the left, and what its records cost in privacy, to the right.

    Rows of `label`, `name`, `forgotten` and `spent` (lengths from 0 to 1) and what to write beside them, `forgot` and
    `epsilon`. Without an `epsilon` there is nothing to the right.
    """
    step, private = (26.0 if len(labels) <= 20 else 14.0), any("epsilon" in row for row in rows)
    scale = alt.Scale(domain=[-1.3, 1.3 if private else 0], nice=False)
    base = alt.Chart(alt.NamedData(name="rows")).encode(
        y=alt.Y(
            "label:N",
            scale=alt.Scale(domain=list(labels), paddingInner=0.35),
            axis=alt.Axis(title=None, labelLimit=150, labelFontSize=min(12.0, step), ticks=False, domain=False),
        ),
        tooltip=[
            alt.Tooltip("name:N", title="experience"),
            alt.Tooltip("forgot:N", title="forgotten"),
            *([alt.Tooltip("epsilon:N", title="ε")] if private else []),
        ],
    )
    left = base.transform_calculate(end="-datum.forgotten", middle="0")
    drawn = [
        left.mark_bar(color=palette.second).encode(x=_beside("middle", scale), x2=alt.X2("end:Q")),
        left.mark_text(align="right", dx=-5, color=palette.ink).encode(
            x=_beside("end", scale), text=alt.Text("forgot:N")
        ),
    ]
    heads: list[Row] = [{"x": -0.02, "text": "← forgotten"}]
    if private:
        right = base.transform_calculate(middle="0")
        drawn += [
            right.mark_bar(color=palette.first).encode(x=_beside("middle", scale), x2=alt.X2("spent:Q")),
            right.mark_text(align="left", dx=5, color=palette.ink).encode(
                x=_beside("spent", scale), text=alt.Text("epsilon:N")
            ),
        ]
        heads.append({"x": 0.02, "text": "ε spent →"})
    above = alt.Chart(alt.NamedData(name="heads")).encode(
        x=_beside("x", scale), y=alt.YValue(-4), text=alt.Text("text:N")
    )
    drawn += [
        above.transform_filter(side).mark_text(color=palette.muted, baseline="bottom", fontSize=12, align=align)
        for side, align in (("datum.x < 0", "right"), ("datum.x > 0", "left"))
    ]
    return layered(drawn, step * len(labels), rows=rows, heads=heads)


def _beside(name: str, scale: alt.Scale) -> alt.X:
    return alt.X(f"{name}:Q", scale=scale, axis=None)


def _cells(on: Sequence[str], after: Sequence[str], across: alt.Axis | None, down: alt.Axis | None) -> alt.Chart:
    return alt.Chart(alt.NamedData(name="rows")).encode(
        x=alt.X("on:N", scale=alt.Scale(domain=list(on)), axis=across),
        y=alt.Y("after:N", scale=alt.Scale(domain=list(after)), axis=down),
        tooltip=[
            alt.Tooltip("name:N", title="accuracy on"),
            alt.Tooltip("after:N", title="after experience"),
            alt.Tooltip("value:Q", title="accuracy", format=".1%"),
        ],
    )


def _axis(title: str | None, orient: str, label: str) -> alt.Axis:
    return alt.Axis(
        title=title, orient=orient, labelExpr=label, labelAngle=0, labelOverlap=True, ticks=False, domain=False
    )


def _darkness() -> alt.Opacity:
    return alt.Opacity("value:Q", scale=alt.Scale(domain=[0, 1], range=[0.04, 1]), legend=None)
