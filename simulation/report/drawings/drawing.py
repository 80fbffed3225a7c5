"""What all charts share: axes, sizes, and the finished Vega-Lite specification.

What a scenario or a data set calls things enters a specification as data only, never as a field name or an expression.
So nothing is sorted by a list of names, of which Vega-Lite would make an expression: a scale's domain orders as well.
Every channel is an object, `alt.Text("name:N")`: to make one of a string, Altair searches its whole schema each time.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import altair as alt
from altair.utils import schemapi

from simulation.report.drawings.palette import Palette

Row = Mapping[str, object]
Specification = dict[str, object]

HEIGHT = 230
"""How high a chart by round is."""

_MANY_ROUNDS = 80


@dataclass(frozen=True)
class Drawing:
    """A chart and its named rows, kept apart: Altair would copy and check every row, and limit them to 5,000."""

    chart: alt.LayerChart | alt.VConcatChart | alt.FacetChart
    rows: Mapping[str, Sequence[Row]]


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """While it is entered, Altair does not hold each part of a chart against its schema, which takes half of the time.

    The charts are this package's own, and a test holds every one of them against the whole schema of Vega-Lite.
    """
    with schemapi.debug_mode(False):
        yield


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
    title = {"color": palette.ink, "font": palette.font, "fontSize": 15, "subtitleFont": palette.font}
    # All at once: each call of `properties` or `configure` copies the whole chart.
    config = alt.Config(
        font=palette.font,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(**axis, **label),
        legend=alt.LegendConfig(labelFontSize=12, titleFontSize=12, titleFontWeight="normal", **label),
        title=alt.TitleConfig(**title, anchor="start"),
    )
    chart = drawing.chart.properties(description=description, background=palette.ground, config=config)
    return {**chart.to_dict(validate=False), "datasets": {name: list(rows) for name, rows in drawing.rows.items()}}


def rounds(field: str = "round:Q") -> alt.X:
    """The axis of rounds, by a field of another name where need be."""
    axis = whole("round", 10)
    axis.grid, axis.labelFlush = False, False
    return alt.X(field, axis=axis, scale=alt.Scale(nice=False, zero=False))


def whole(title: str, ticks: int) -> alt.Axis:
    """An axis of whole numbers, with about so many ticks.

    Where there are two or three of them Vega puts ticks at the halves whatever `tickMinStep` is, and would label them
    with a neighbour's number.
    """
    shown: dict[str, object] = {"condition": {"test": "datum.value % 1 === 0", "value": 1}, "value": 0}
    return alt.Axis(
        title=title,
        tickMinStep=1,
        tickCount=ticks,
        format="d",
        labelExpr="datum.value % 1 === 0 ? datum.label : ''",
        tickOpacity=shown,
        gridOpacity=shown,
    )


def values(numbers: str) -> alt.Y:
    """The axis of `value`, its numbers in this format of d3."""
    return alt.Y("value:Q", axis=alt.Axis(title=None, format=numbers, tickCount=5))


def points(count: int) -> dict[str, float]:
    """How the points of so many rounds look."""
    # Over many rounds the points would hide the line; unseen ones still answer the pointer.
    return {"size": 36, "opacity": 1} if count <= _MANY_ROUNDS else {"size": 60, "opacity": 0}


def names(step: float) -> alt.Axis:
    """The axis of names, so many pixels each."""
    return alt.Axis(
        title=None, labelLimit=150, labelFontSize=min(12, step), labelOverlap=True, ticks=False, labelPadding=6
    )


def step(count: int) -> float:
    """The pixels that each of so many names gets."""
    return max(9.0, min(30.0, 520 / max(1, count)))


def layered(layers: Sequence[alt.Chart], height: float, **rows: Sequence[Row]) -> Drawing:
    """Layers over one another, as wide as there is room."""
    return Drawing(alt.layer(*layers).properties(width="container", height=height), rows)
