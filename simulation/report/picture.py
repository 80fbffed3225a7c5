"""One run as a single picture, accuracy above epsilon, drawn by vl-convert without a browser."""

import altair as alt
import vl_convert

from privacy.errors import FedcrucibleError
from simulation.report import charts, series
from simulation.report.charts import Drawing
from simulation.report.palette import PICTURE
from simulation.report.reading import Run

_WIDTH, _HEIGHT = 720, 190


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
    drawings = [("Accuracy", charts.accuracy_by_round(series.accuracy(run), series.changes(run), PICTURE))]
    if spread := series.spread(run):
        epsilon = charts.epsilon_by_round(spread, series.single_lines(run), run.budget, PICTURE)
        drawings.append(("Privacy spent (ε), thick: the client that has spent most", epsilon))
    panels = [
        drawing.chart.properties(title=alt.TitleParams(title, offset=14), width=_WIDTH, height=_HEIGHT)
        for title, drawing in drawings
    ]
    rows = {name: rows for _, drawing in drawings for name, rows in drawing.rows.items()}
    return Drawing(alt.vconcat(*panels).properties(background="#ffffff", padding=16), rows)
