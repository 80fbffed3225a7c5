"""The charts that every run has."""

from collections.abc import Sequence

import altair as alt

from simulation.report.drawings import drawing
from simulation.report.drawings.drawing import HEIGHT, Drawing, Row, layered, names, points, rounds, values
from simulation.report.drawings.palette import Palette

_LYING_BARS = 30
_LOWEST_SQUARES = 14
_LEGEND_LINES = 10


def accuracy_by_round(rows: Sequence[Row], changes: Sequence[Row], palette: Palette) -> Drawing:
    """Accuracy by round: rows of `round` and `value`, changes of `round` and `number`."""
    return _one_by_round(rows, changes, "accuracy", "%", palette)


def loss_by_round(rows: Sequence[Row], changes: Sequence[Row], palette: Palette) -> Drawing:
    """Loss by round: rows of `round` and `value`, changes of `round` and `number`."""
    return _one_by_round(rows, changes, "loss", ".6~g", palette)


def pair_by_round(rows: Sequence[Row], title: str, numbers: str, palette: Palette) -> Drawing:
    """Two values by round, told apart by colour, dash and shape: rows of `round`, `kind` and `value`.

    Ticks have this format of d3.
    """
    kinds = list(dict.fromkeys(str(row["kind"]) for row in rows))
    legend = alt.Legend(title=None, orient="top", symbolSize=90, symbolStrokeWidth=0, symbolOpacity=1)
    colours = alt.Scale(domain=kinds, range=[palette.first, palette.second])
    base = alt.Chart(alt.NamedData(name="rows")).encode(
        x=rounds(), y=values(numbers), color=alt.Color("kind:N", scale=colours, legend=legend)
    )
    dashes = alt.StrokeDash("kind:N", scale=alt.Scale(domain=kinds, range=[[1, 0], [6, 4]]), legend=legend)
    shapes = alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=["circle", "square"]), legend=legend)
    tooltip = [
        alt.Tooltip("round:Q"),
        alt.Tooltip("kind:N", title="what"),
        alt.Tooltip("value:Q", title=title, format=",.4~f"),
    ]
    line = base.mark_line(strokeWidth=2).encode(strokeDash=dashes)
    dots = base.mark_point(filled=True, **points(len(rows) // 2)).encode(shape=shapes, tooltip=tooltip)
    return layered([line, dots], HEIGHT, rows=rows)


def epsilon_by_round(
    spread: Sequence[Row], lines: Sequence[Row], budgets: Sequence[Row], retired: Sequence[Row], palette: Palette
) -> Drawing:
    """Epsilon by round: a spread of `round`, `low`, `high`, `client`; thin lines of `round`, `client`, `value`.

    The thick line is the largest of all clients. Without lines the band from the smallest to the largest is drawn.
    Budgets are rows of `round`, `value` and `label`, the retired of `round`, `value` and `text`.
    """
    x, axis = rounds(), alt.Axis(title=None, tickCount=5)
    base = alt.Chart(alt.NamedData(name="spread"))
    layers = [
        base.mark_area(color=palette.faint, opacity=0.35).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
        if not lines
        else alt.Chart(alt.NamedData(name="lines"))
        .mark_line(color=palette.faint, strokeWidth=1)
        .encode(x=x, y=values(".6~g"), detail=alt.Detail("client:N"), tooltip=alt.Tooltip("client:N", title="client"))
    ]
    highest = base.encode(
        x=x,
        y=alt.Y("high:Q", axis=axis),
        tooltip=[alt.Tooltip("round:Q"), alt.Tooltip("high:Q", title="ε", format=".3~f"), alt.Tooltip("client:N")],
    )
    layers += [
        highest.mark_line(color=palette.first, strokeWidth=3),
        highest.mark_point(filled=True, color=palette.first, **points(len(spread))),
        *_budgets(budgets, palette),
        *_retired(retired, "text", palette),
    ]
    return layered(layers, HEIGHT, spread=spread, lines=lines, budget=budgets, retired=retired)


def epsilon_by_segment(
    rows: Sequence[Row], names: Sequence[str], budgets: Sequence[Row], retired: Sequence[Row], palette: Palette
) -> Drawing:
    """Epsilon of each segment of one client by round: rows of `round`, `segment` and `value`; so are the retired."""
    legend = alt.Legend(title=None, orient="bottom", symbolType="stroke", symbolSize=300, columns=5)
    scale = alt.Scale(domain=list(names), range=palette.ramp(len(names)))
    colour = alt.Color("segment:N", scale=scale, legend=legend if len(names) <= 2 * _LEGEND_LINES else None)
    base = alt.Chart(alt.NamedData(name="rows")).encode(x=rounds(), y=values(".6~g"), color=colour)
    tooltip = [alt.Tooltip("segment:N"), alt.Tooltip("round:Q"), alt.Tooltip("value:Q", title="ε", format=".3~f")]
    layers = [
        base.mark_line(strokeWidth=2),
        base.mark_point(filled=True, size=40, opacity=0).encode(tooltip=tooltip),
        *_budgets(budgets, palette),
        *_retired(retired, "segment", palette),
    ]
    return layered(layers, HEIGHT, rows=rows, budget=budgets, retired=retired)


def epsilon_by_client(rows: Sequence[Row], budget: float | None, palette: Palette) -> Drawing:
    """Epsilon by client as bars: rows of `client`, `value`, `label` and `most`, which is true for the largest."""
    lying = len(rows) <= _LYING_BARS
    step = drawing.step(len(rows))
    top = 1.35 * max([*(float(str(row["value"])) for row in rows), budget or 0.0, 1e-9])
    scale = alt.Scale(domain=[0, top], nice=False) if lying else alt.Undefined
    clients = {"sort": None, "axis": names(step), "scale": alt.Scale(paddingInner=0.3)}
    values = {"axis": alt.Axis(title=None, tickCount=5), "scale": scale}
    base = alt.Chart(alt.NamedData(name="rows"))
    if lying:
        base = base.encode(y=alt.Y("client:N", **clients), x=alt.X("value:Q", **values))
    else:
        base = base.encode(x=alt.X("client:N", **clients), y=alt.Y("value:Q", **values))
    shade = alt.condition("datum.most", alt.value(palette.first), alt.value(palette.faint))
    tooltip = [alt.Tooltip("client:N", title="client"), alt.Tooltip("label:N", title="ε")]
    # The numbers stand in a column of their own, clear of the bars and of the budget's line.
    number = base.mark_text(align="right", color=palette.ink, fontSize=12).encode(
        x=alt.XValue("width"), text=alt.Text("label:N")
    )
    layers = [
        base.mark_bar().encode(color=shade, tooltip=tooltip),
        *([number] if lying else []),
        *_limit("x" if lying else "y", budget, palette),
    ]
    limits: list[Row] = [] if budget is None else [{"value": budget, "label": f"budget {budget:g}"}]
    return layered(layers, step * len(rows) if lying else HEIGHT, rows=rows, budget=limits)


def holdings(rows: Sequence[Row], clients: Sequence[str], classes: Sequence[str], palette: Palette) -> Drawing:
    """Records of each class (across) at each client (down): rows of `client`, `class`, `records`.

    The number is a square's area or, where rows are too low for squares to tell, a cell's darkness.
    """
    step = drawing.step(len(clients))
    crowded = sum(map(len, classes)) > 90
    across = alt.Axis(
        title=None, orient="top", labelAngle=-45 if crowded else 0, labelLimit=120, grid=True, labelOverlap=True
    )
    base = alt.Chart(alt.NamedData(name="rows")).encode(
        y=alt.Y("client:N", axis=names(step), scale=alt.Scale(domain=list(clients))),
        x=alt.X("class:N", axis=across, scale=alt.Scale(domain=list(classes))),
        tooltip=[alt.Tooltip("client:N"), alt.Tooltip("class:N"), alt.Tooltip("records:Q", format=",")],
    )
    most = max((int(str(row["records"])) for row in rows), default=1)
    if step < _LOWEST_SQUARES:
        darkness = alt.Scale(domain=[0, most], range=[0.12, 1])
        legend = alt.Legend(title="records", orient="top", symbolType="square", tickCount=4)
        cell = base.mark_rect(color=palette.first).encode(
            opacity=alt.Opacity("records:Q", scale=darkness, legend=legend)
        )
        return layered([cell], step * len(clients), rows=rows)
    side = min(step, max(6.0, 480 / max(1, len(classes))))
    area = alt.Scale(domain=[0, most], range=[0, 0.9 * side * side])
    legend = alt.Legend(title="records", orient="top", symbolType="square", symbolFillColor=palette.first, tickCount=4)
    square = base.mark_square(color=palette.first, opacity=1).encode(
        size=alt.Size("records:Q", scale=area, legend=legend)
    )
    return layered([square], step * len(clients), rows=rows)


def _one_by_round(rows: Sequence[Row], changes: Sequence[Row], title: str, numbers: str, palette: Palette) -> Drawing:
    base = alt.Chart(alt.NamedData(name="rows")).encode(x=rounds(), y=values(numbers))
    tooltip = [alt.Tooltip("round:Q", title="round"), alt.Tooltip("value:Q", title=title, format=".4~f")]
    dots = base.mark_point(filled=True, color=palette.first, **points(len(rows))).encode(tooltip=tooltip)
    marked = alt.Chart(alt.NamedData(name="changes")).encode(x=rounds())
    marks = [
        marked.mark_rule(color=palette.muted, strokeDash=[2, 3]),
        marked.mark_text(color=palette.muted, baseline="bottom").encode(y=alt.YValue(-3), text=alt.Text("number:N")),
    ]
    line = base.mark_line(color=palette.first, strokeWidth=2.5)
    return layered([*(marks if changes else ()), line, dots], HEIGHT, rows=rows, changes=changes)


def _limit(channel: str, budget: float | None, palette: Palette) -> list[alt.Chart]:
    if budget is None:
        return []
    if channel == "y":
        return _budgets([{"value": budget}], palette)
    rule = alt.Chart(alt.NamedData(name="budget")).mark_rule(color=palette.second, strokeDash=[6, 4], strokeWidth=2)
    return [rule.encode(x=alt.X("value:Q"))]


def _budgets(rows: Sequence[Row], palette: Palette) -> list[alt.Chart]:
    """One budget as a line from side to side, budgets that change as a line with steps."""
    if not rows:
        return []
    base = alt.Chart(alt.NamedData(name="budget")).encode(y=alt.Y("value:Q"))
    text = base.mark_text(color=palette.second, align="left", baseline="bottom", dx=4, dy=-3, fontSize=12)
    if len(rows) == 1:
        rule = base.mark_rule(color=palette.second, strokeDash=[6, 4], strokeWidth=2)
        return [rule, text.encode(x=alt.XValue(0), text=alt.Text("label:N"))]
    line = base.mark_line(color=palette.second, strokeDash=[6, 4], strokeWidth=2, interpolate="step-after")
    return [line.encode(x=rounds()), text.encode(x=rounds(), text=alt.Text("label:N"))]


def _retired(rows: Sequence[Row], name: str, palette: Palette) -> list[alt.Chart]:
    if not rows:
        return []
    tooltip = [alt.Tooltip("round:Q", title="nothing left from round"), alt.Tooltip(f"{name}:N", title="who")]
    base = alt.Chart(alt.NamedData(name="retired")).encode(x=rounds(), y=alt.Y("value:Q"), tooltip=tooltip)
    return [base.mark_point(shape="square", size=110, filled=True, fill=palette.paper, stroke=palette.ink, opacity=1)]
