"""One run as a single picture, accuracy above epsilon, drawn by vl-convert without a browser."""

import textwrap

import altair as alt
import vl_convert

from privacy.errors import FedcrucibleError
from simulation.report import charts, series
from simulation.report.charts import Drawing
from simulation.report.palette import PICTURE
from simulation.report.reading import Run
from simulation.report.sight import marks

_WIDTH, _HEIGHT = 720, 190
_NOTED_CHANGES = 8
_LINE = 105
_SPREAD = "Thick: the client that has spent most so far. Thin or shaded: all clients."


def draw(run: Run, ending: str) -> bytes:
    """The picture as a file's bytes, for an `ending` of ".png" or ".svg". Raises FedcrucibleError for another."""
    if ending not in (".png", ".svg"):
        raise FedcrucibleError(f"a picture's name ends in .png or .svg, not in {ending!r}")
    name = run.manifest.text("name") or "run"
    specification = charts.specify(_stacked(run), f"Accuracy and ε by round of {name}", PICTURE)
    if ending == ".svg":
        return vl_convert.vegalite_to_svg(specification).encode()
    return bytes(vl_convert.vegalite_to_png(specification, scale=2))


def _stacked(run: Run) -> Drawing:
    accuracy = charts.accuracy_by_round(series.accuracy(run), series.changes(run), PICTURE)
    panels = [_panel(accuracy, "Accuracy by round", _changes(run))]
    rows = dict(accuracy.rows)
    if spread := series.spread(run):
        epsilon = charts.epsilon_by_round(spread, series.single_lines(run), run.budget, PICTURE)
        panels.append(_panel(epsilon, "Privacy spent, ε, by round", [_SPREAD]))
        rows |= epsilon.rows
    return Drawing(alt.vconcat(*panels, spacing=28).properties(padding=16), rows)


def _panel(drawing: Drawing, title: str, notes: list[str]) -> alt.LayerChart:
    heading = alt.TitleParams(title, subtitle=notes, frame="group", offset=18, subtitleColor=PICTURE.muted)
    return drawing.chart.properties(title=heading, width=_WIDTH, height=_HEIGHT)


def _changes(run: Run) -> list[str]:
    changes = marks(run)
    if len(changes) > _NOTED_CHANGES:
        return []
    # Lines break between changes, not within one.
    notes = (f"{mark.number} {'; '.join(mark.texts)}".replace(" ", "\N{NO-BREAK SPACE}") for mark in changes)
    return textwrap.wrap("   ".join(notes), _LINE)
