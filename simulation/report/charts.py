"""The charts of a run as Vega-Lite specifications.

What a scenario or a data set calls things enters a specification as data only, never as a field name or an expression.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from simulation.report.palette import Palette

Row = Mapping[str, object]
Specification = dict[str, object]


@dataclass(frozen=True)
class Drawing:
    """A chart and its named rows, kept apart: Altair would copy and check every row, and limit them to 5,000."""

    chart: alt.LayerChart | alt.VConcatChart
    rows: Mapping[str, Sequence[Row]]


_HEIGHT = 230
_MANY_ROUNDS = 80
_LYING_BARS = 30
_LOWEST_SQUARES = 14


def accuracy_by_round(rows: Sequence[Row], changes: Sequence[Row], palette: Palette) -> Drawing:
    """Accuracy by round: rows of `round` and `value`, changes of `round` and `number`."""
    return _one_by_round(rows, changes, "accuracy", "%", palette)


def loss_by_round(rows: Sequence[Row], changes: Sequence[Row], palette: Palette) -> Drawing:
    """Loss by round: rows of `round` and `value`, changes of `round` and `number`."""
    return _one_by_round(rows, changes, "loss", "~g", palette)


def pair_by_round(rows: Sequence[Row], title: str, palette: Palette) -> Drawing:
    """Two values by round, told apart by colour, dash and shape: rows of `round`, `kind` and `value`."""
    kinds = list(dict.fromkeys(str(row["kind"]) for row in rows))
    legend = alt.Legend(title=None, orient="top", symbolSize=90, symbolStrokeWidth=0, symbolOpacity=1)
    colours = alt.Scale(domain=kinds, range=[palette.first, palette.second])
    base = alt.Chart(alt.NamedData(name="rows")).encode(
        x=_rounds(), y=_values("~s"), color=alt.Color("kind:N", scale=colours, legend=legend)
    )
    dashes = alt.StrokeDash("kind:N", scale=alt.Scale(domain=kinds, range=[[1, 0], [6, 4]]), legend=legend)
    shapes = alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=["circle", "square"]), legend=legend)
    tooltip = ["round:Q", alt.Tooltip("kind:N", title="what"), alt.Tooltip("value:Q", title=title, format=",.4~f")]
    line = base.mark_line(strokeWidth=2).encode(strokeDash=dashes)
    points = base.mark_point(filled=True, **_points(len(rows) // 2)).encode(shape=shapes, tooltip=tooltip)
    return _drawing([line, points], _HEIGHT, rows=rows)


def epsilon_by_round(spread: Sequence[Row], lines: Sequence[Row], budget: float | None, palette: Palette) -> Drawing:
    """Epsilon by round: a spread of `round`, `low`, `high`, `client`; thin lines of `round`, `client`, `value`.

    The thick line is the largest of all clients. Without lines the band from the smallest to the largest is drawn.
    """
    x, axis = _rounds(), alt.Axis(title=None, tickCount=5)
    base = alt.Chart(alt.NamedData(name="spread"))
    layers = [
        base.mark_area(color=palette.faint, opacity=0.35).encode(x=x, y=alt.Y("low:Q"), y2="high:Q")
        if not lines
        else alt.Chart(alt.NamedData(name="lines"))
        .mark_line(color=palette.faint, strokeWidth=1)
        .encode(x=x, y=_values("~g"), detail="client:N", tooltip=alt.Tooltip("client:N", title="client"))
    ]
    highest = base.encode(
        x=x,
        y=alt.Y("high:Q", axis=axis),
        tooltip=["round:Q", alt.Tooltip("high:Q", title="ε", format=".3~f"), "client:N"],
    )
    layers += [
        highest.mark_line(color=palette.first, strokeWidth=3),
        highest.mark_point(filled=True, color=palette.first, **_points(len(spread))),
        *_budget("y", budget, palette),
    ]
    return _drawing(layers, _HEIGHT, spread=spread, lines=lines, budget=_budget_rows(budget))


def epsilon_by_client(rows: Sequence[Row], budget: float | None, palette: Palette) -> Drawing:
    """Epsilon by client as bars: rows of `client`, `value`, `label` and `most`, which is true for the largest."""
    lying = len(rows) <= _LYING_BARS
    step = _step(len(rows))
    top = 1.35 * max([*(float(str(row["value"])) for row in rows), budget or 0.0, 1e-9])
    scale = alt.Scale(domain=[0, top], nice=False) if lying else alt.Undefined
    clients = {"sort": None, "axis": _names(step), "scale": alt.Scale(paddingInner=0.3)}
    values = {"axis": alt.Axis(title=None, tickCount=5), "scale": scale}
    base = alt.Chart(alt.NamedData(name="rows"))
    if lying:
        base = base.encode(y=alt.Y("client:N", **clients), x=alt.X("value:Q", **values))
    else:
        base = base.encode(x=alt.X("client:N", **clients), y=alt.Y("value:Q", **values))
    shade = alt.condition("datum.most", alt.value(palette.first), alt.value(palette.faint))
    tooltip = [alt.Tooltip("client:N", title="client"), alt.Tooltip("label:N", title="ε")]
    # The numbers stand in a column of their own, clear of the bars and of the budget's line.
    number = base.mark_text(align="right", color=palette.ink, fontSize=12).encode(x=alt.value("width"), text="label:N")
    layers = [
        base.mark_bar().encode(color=shade, tooltip=tooltip),
        *([number] if lying else []),
        *_budget("x" if lying else "y", budget, palette),
    ]
    return _drawing(layers, step * len(rows) if lying else _HEIGHT, rows=rows, budget=_budget_rows(budget))


def holdings(rows: Sequence[Row], clients: Sequence[str], classes: Sequence[str], palette: Palette) -> Drawing:
    """Records of each class (across) at each client (down): rows of `client`, `class`, `records`.

    The number is a square's area or, where rows are too low for squares to tell, a cell's darkness.
    """
    step = _step(len(clients))
    crowded = sum(map(len, classes)) > 90
    across = alt.Axis(
        title=None, orient="top", labelAngle=-45 if crowded else 0, labelLimit=120, grid=True, labelOverlap=True
    )
    base = alt.Chart(alt.NamedData(name="rows")).encode(
        y=alt.Y("client:N", sort=list(clients), axis=_names(step), scale=alt.Scale(domain=list(clients))),
        x=alt.X("class:N", sort=list(classes), axis=across, scale=alt.Scale(domain=list(classes))),
        tooltip=[alt.Tooltip("client:N"), alt.Tooltip("class:N"), alt.Tooltip("records:Q", format=",")],
    )
    most = max((int(str(row["records"])) for row in rows), default=1)
    if step < _LOWEST_SQUARES:
        darkness = alt.Scale(domain=[0, most], range=[0.12, 1])
        legend = alt.Legend(title="records", orient="top", symbolType="square", tickCount=4)
        cell = base.mark_rect(color=palette.first).encode(
            opacity=alt.Opacity("records:Q", scale=darkness, legend=legend)
        )
        return _drawing([cell], step * len(clients), rows=rows)
    side = min(step, max(6.0, 480 / max(1, len(classes))))
    area = alt.Scale(domain=[0, most], range=[0, 0.9 * side * side])
    legend = alt.Legend(title="records", orient="top", symbolType="square", symbolFillColor=palette.first, tickCount=4)
    square = base.mark_square(color=palette.first, opacity=1).encode(
        size=alt.Size("records:Q", scale=area, legend=legend)
    )
    return _drawing([square], step * len(clients), rows=rows)


def specify(drawing: Drawing, description: str, palette: Palette) -> Specification:
    """The finished specification: quiet axes, the palette's colours and a description for who cannot see the chart."""
    label = {
        "labelColor": palette.muted,
        "titleColor": palette.muted,
        "labelFont": palette.font,
        "titleFont": palette.font,
    }
    axis = {
        "gridColor": palette.grid,
        "domainColor": palette.muted,
        "tickColor": palette.grid,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    chart = (
        drawing.chart.properties(description=description, background=palette.ground)
        .configure(font=palette.font)
        .configure_view(stroke=None)
        .configure_axis(**axis, **label)
        .configure_legend(labelFontSize=12, titleFontSize=12, titleFontWeight="normal", **label)
        .configure_title(color=palette.ink, font=palette.font, fontSize=15, subtitleFont=palette.font, anchor="start")
    )
    return {**chart.to_dict(), "datasets": {name: list(rows) for name, rows in drawing.rows.items()}}


def _one_by_round(rows: Sequence[Row], changes: Sequence[Row], title: str, numbers: str, palette: Palette) -> Drawing:
    base = alt.Chart(alt.NamedData(name="rows")).encode(x=_rounds(), y=_values(numbers))
    tooltip = [alt.Tooltip("round:Q", title="round"), alt.Tooltip("value:Q", title=title, format=".4~f")]
    points = base.mark_point(filled=True, color=palette.first, **_points(len(rows))).encode(tooltip=tooltip)
    marked = alt.Chart(alt.NamedData(name="changes")).encode(x=_rounds())
    marks = [
        marked.mark_rule(color=palette.muted, strokeDash=[2, 3]),
        marked.mark_text(color=palette.muted, baseline="bottom").encode(y=alt.value(-3), text="number:N"),
    ]
    line = base.mark_line(color=palette.first, strokeWidth=2.5)
    return _drawing([*(marks if changes else ()), line, points], _HEIGHT, rows=rows, changes=changes)


def _rounds() -> alt.X:
    scale = alt.Scale(nice=False, zero=False)
    return alt.X(
        "round:Q",
        axis=alt.Axis(title="round", tickMinStep=1, tickCount=10, format="d", grid=False, labelFlush=False),
        scale=scale,
    )


def _values(numbers: str) -> alt.Y:
    return alt.Y("value:Q", axis=alt.Axis(title=None, format=numbers, tickCount=5))


def _points(count: int) -> dict[str, float]:
    # Over many rounds the points would hide the line; unseen ones still answer the pointer.
    return {"size": 36, "opacity": 1} if count <= _MANY_ROUNDS else {"size": 60, "opacity": 0}


def _budget(channel: str, budget: float | None, palette: Palette) -> list[alt.Chart]:
    if budget is None:
        return []
    base = alt.Chart(alt.NamedData(name="budget"))
    value = alt.X("value:Q") if channel == "x" else alt.Y("value:Q")
    rule = base.mark_rule(color=palette.second, strokeDash=[6, 4], strokeWidth=2)
    if channel == "x":
        return [rule.encode(x=value)]
    text = base.mark_text(color=palette.second, align="left", baseline="bottom", dx=4, dy=-3, fontSize=12)
    return [rule.encode(y=value), text.encode(y=value, x=alt.value(0), text="label:N")]


def _budget_rows(budget: float | None) -> list[Row]:
    return [] if budget is None else [{"value": budget, "label": f"budget {budget:g}"}]


def _names(step: float) -> alt.Axis:
    return alt.Axis(
        title=None, labelLimit=150, labelFontSize=min(12, step), labelOverlap=True, ticks=False, labelPadding=6
    )


def _step(count: int) -> float:
    return max(9.0, min(30.0, 520 / max(1, count)))


def _drawing(layers: Sequence[alt.Chart], height: float, **rows: Sequence[Row]) -> Drawing:
    return Drawing(alt.layer(*layers).properties(width="container", height=height), rows)
