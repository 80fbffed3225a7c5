"""The charts of many clients: how a figure spreads over them."""

from collections.abc import Sequence

import altair as alt

from simulation.report.drawings.drawing import HEIGHT, Drawing, Row, layered, whole
from simulation.report.drawings.palette import Palette


def spread(rows: Sequence[Row], figure: str, least_step: float, limit: float | None, palette: Palette) -> Drawing:
    """How many clients have how much of a figure: rows of `from`, `to`, `label` and `clients`; a limit is a line.

    Ticks of the figure are at least `least_step` apart.
    """
    axis = alt.Axis(title=figure, tickCount=8, tickMinStep=least_step, grid=False)
    across = alt.X("from:Q", axis=axis, scale=alt.Scale(zero=False))
    up = alt.Y("clients:Q", axis=whole("clients", 5))
    tooltip = [alt.Tooltip("label:N", title=figure), alt.Tooltip("clients:Q", title="clients", format=",")]
    bars = alt.Chart(alt.NamedData(name="rows")).mark_bar(color=palette.first, binSpacing=1)
    layers = [bars.encode(x=across, x2="to:Q", y=up, y2=alt.datum(0), tooltip=tooltip)]
    limits: list[Row] = [] if limit is None else [{"value": limit, "label": f"budget {limit:g}"}]
    if limits:
        at = alt.Chart(alt.NamedData(name="budget")).encode(x=alt.X("value:Q"))
        layers += [
            at.mark_rule(color=palette.second, strokeDash=[6, 4], strokeWidth=2),
            at.mark_text(color=palette.second, align="right", baseline="top", dx=-4, fontSize=12).encode(
                y=alt.value(0), text="label:N"
            ),
        ]
    return layered(layers, HEIGHT, rows=rows, budget=limits)
