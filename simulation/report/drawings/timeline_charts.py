"""The charts of a run with a timeline, by round: who was there, what happened, how each experience fared."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from simulation.report.drawings.drawing import HEIGHT, Drawing, Row, layered, points, rounds, values, whole
from simulation.report.drawings.palette import Palette

_LEGEND_LINES = 10


def lanes(
    bands: Sequence[Row], names: Sequence[str], bars: Sequence[Row], marks: Sequence[Row], palette: Palette
) -> Drawing:
    """A lane for each client: when it is there (`bars`), what events concern it (`marks`), over the experiences' bands.

    Bands are rows of `from`, `to`, `middle`, `label` and `name`, bars of `lane`, `state`, `from`, `to`, `rounds` and
    `reason`, marks of `lane`, `round`, `until`, `number` and `text`.
    """
    looks = {
        "there": (palette.faint, 0.62),
        "nothing left to spend": (palette.paper, 0.34),
        "lost to the round": (palette.second, 0.62),
        "late": (palette.first, 0.34),
        "refused or failed": (palette.ink, 0.62),
    }
    present = [state for state in looks if any(row["state"] == state for row in bars)]
    plain = present == ["there"]
    scale = alt.Scale(domain=present, range=[looks[state][0] for state in present])
    legend = alt.Legend(
        title=None, orient="bottom", symbolType="square", symbolSize=130, symbolStrokeColor=palette.muted
    )
    y = alt.Y(
        "lane:N",
        scale=alt.Scale(domain=list(names), paddingInner=0, paddingOuter=0.1),
        axis=alt.Axis(title=None, labelLimit=150, ticks=False, labelPadding=6, domain=False),
    )
    tooltip = [
        alt.Tooltip("lane:N", title="client"),
        alt.Tooltip("state:N", title="state"),
        alt.Tooltip("rounds:N", title="rounds"),
        alt.Tooltip("reason:N", title="reason"),
    ]
    base = alt.Chart(alt.NamedData(name="bars"))
    drawn = [
        base.transform_filter({"field": "state", "equal": state})
        .mark_bar(height={"band": looks[state][1]}, stroke=palette.muted, strokeWidth=0 if state == "there" else 0.5)
        .encode(
            x=rounds("from:Q"),
            x2=alt.X2("to:Q"),
            y=y,
            color=alt.Color("state:N", scale=scale, legend=None if plain else legend),
            tooltip=tooltip if state != "there" else tooltip[:3],
        )
        for state in present
    ]
    step = 26 if len(names) <= 12 else 20
    layers = [*_bands(palette), *drawn, *(_marks(y, palette) if marks else ())]
    return layered(layers, step * len(names), bands=bands, bars=bars, marks=marks)


def counts(bands: Sequence[Row], rows: Sequence[Row], marks: Sequence[Row], palette: Palette) -> Drawing:
    """How many clients were in which state, stacked: rows of `round`, `state`, `place` and `clients`; marks on top."""
    looks = {
        "trained": palette.first,
        "late": palette.ramp(3)[1],
        "lost to the round": palette.second,
        "refused or failed": palette.ink,
        "nothing left to spend": palette.muted,
        "there, not asked": palette.faint,
    }
    present = [state for state in looks if any(row["state"] == state for row in rows)]
    scale = alt.Scale(domain=present, range=[looks[state] for state in present])
    legend = alt.Legend(title=None, orient="bottom", symbolType="square", symbolSize=130, symbolStrokeWidth=0)
    base = alt.Chart(alt.NamedData(name="rows")).encode(x=rounds(), order=alt.Order("place:Q"))
    y = alt.Y("clients:Q", stack="zero", axis=whole("clients", 5))
    area = base.mark_area(interpolate="step", line=False, opacity=0.9).encode(
        y=y,
        color=alt.Color("state:N", scale=scale, legend=legend),
        tooltip=[alt.Tooltip("state:N", title="clients")],
    )
    layers = [*_bands(palette), area, *(_marks(alt.YValue(-30 if bands else -10), palette) if marks else ())]
    return layered(layers, HEIGHT, bands=bands, rows=rows, marks=marks)


@dataclass(frozen=True)
class Accuracies:
    """What the chart of accuracies draws.

    `overall` are rows of `round`, `value` and `kind`: the accuracy on all that has come, and the success of a backdoor.
    `lines` has `round`, `value` and `label` of each of the experiences `labels`, `ends` their last ones with the
    `numbers` that stand there. `starts` has the `round` at which each later one begins, `changes` those of events.
    """

    overall: Sequence[Row]
    lines: Sequence[Row]
    labels: Sequence[str]
    ends: Sequence[Row]
    starts: Sequence[Row]
    changes: Sequence[Row]


def accuracies(shown: Accuracies, palette: Palette) -> Drawing:
    """Accuracy on each experience as a thin line, in colours that go from the first to the last; thick: on all."""
    kinds = list(dict.fromkeys(str(row["kind"]) for row in shown.overall))
    overall = alt.Chart(alt.NamedData(name="rows")).encode(x=rounds(), y=values("%"))
    legend = alt.Legend(title=None, orient="bottom", symbolType="stroke", symbolSize=400, symbolStrokeColor=palette.ink)
    dashes = alt.Scale(domain=kinds, range=[[1, 0], [6, 4]][: len(kinds)])
    dash = alt.StrokeDash("kind:N", scale=dashes, legend=legend)
    tooltip = [
        alt.Tooltip("kind:N", title="what"),
        alt.Tooltip("round:Q"),
        alt.Tooltip("value:Q", title="share", format=".1%"),
    ]
    layers = [
        *_rules(shown.starts, "starts", [1, 0], palette.grid),
        *_rules(shown.changes, "changes", [2, 3], palette.muted),
        *(_experiences(shown, palette) if shown.lines else ()),
        overall.mark_line(color=palette.ink, strokeWidth=2.5).encode(strokeDash=dash),
        overall.mark_point(filled=True, color=palette.ink, **points(len(shown.overall))).encode(tooltip=tooltip),
    ]
    drawing = {"rows": shown.overall, "starts": shown.starts, "changes": shown.changes}
    return layered(layers, 1.3 * HEIGHT, **drawing, experiences=shown.lines, ends=shown.ends)


def _experiences(shown: Accuracies, palette: Palette) -> list[alt.Chart]:
    few = len(shown.labels) <= _LEGEND_LINES
    legend = alt.Legend(title=None, orient="bottom", symbolType="stroke", symbolSize=300, columns=5) if few else None
    scale = alt.Scale(domain=list(shown.labels), range=palette.ramp(len(shown.labels)))
    colour = alt.Color("label:N", scale=scale, legend=legend)
    lines = alt.Chart(alt.NamedData(name="experiences")).encode(x=rounds(), y=values("%"), color=colour)
    tooltip = [alt.Tooltip("label:N", title="experience"), alt.Tooltip("round:Q"), alt.Tooltip("value:Q", format=".1%")]
    ends = alt.Chart(alt.NamedData(name="ends")).encode(x=rounds(), y=values("%"), text=alt.Text("numbers:N"))
    return [
        lines.mark_line(strokeWidth=1.5),
        lines.mark_point(filled=True, size=40, opacity=0).encode(tooltip=tooltip),
        ends.mark_text(align="left", dx=5, color=palette.muted, fontSize=11),
    ]


def _rules(rows: Sequence[Row], name: str, dash: list[int], colour: str) -> list[alt.Chart]:
    if not rows:
        return []
    base = alt.Chart(alt.NamedData(name=name)).encode(x=rounds())
    text = base.mark_text(color=colour, baseline="bottom").encode(y=alt.YValue(-3), text=alt.Text("number:N"))
    return [base.mark_rule(color=colour, strokeDash=dash), *([text] if "number" in rows[0] else [])]


def _bands(palette: Palette) -> list[alt.Chart]:
    """The experiences as bands behind everything, every second one shaded, with labels above them."""
    base = alt.Chart(alt.NamedData(name="bands"))
    tooltip = [alt.Tooltip("name:N", title="experience"), alt.Tooltip("rounds:N", title="rounds")]
    return [
        base.mark_rect(color=palette.grid, tooltip=True).encode(
            x=rounds("from:Q"),
            x2=alt.X2("to:Q"),
            opacity=alt.condition("datum.shaded", alt.value(0.55), alt.value(0.12)),
            tooltip=tooltip,
        ),
        base.mark_text(color=palette.muted, baseline="bottom", fontSize=12).encode(
            x=rounds("middle:Q"), y=alt.YValue(-5), text=alt.Text("label:N"), tooltip=tooltip
        ),
    ]


def _marks(y: alt.Y | alt.YValue, palette: Palette) -> list[alt.Chart]:
    """Events as numbers in discs; a line goes on for as long as they last."""
    base = alt.Chart(alt.NamedData(name="marks")).encode(y=y)
    tooltip = [alt.Tooltip("round:Q"), alt.Tooltip("text:N", title="what")]
    return [
        base.mark_rule(color=palette.ink, strokeWidth=2).encode(x=rounds(), x2=alt.X2("until:Q")),
        base.mark_circle(color=palette.ink, size=230, opacity=1).encode(x=rounds(), tooltip=tooltip),
        base.mark_text(color=palette.paper, fontSize=10, fontWeight="bold").encode(
            x=rounds(), text=alt.Text("number:N"), tooltip=tooltip
        ),
    ]
