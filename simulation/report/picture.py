"""One run as a single picture drawn by vl-convert without a browser: question and answer, accuracy, epsilon."""

import re
import textwrap

import altair as alt
import vl_convert

from privacy.errors import ScenarioError
from simulation.report.drawings import charts
from simulation.report.drawings.drawing import Drawing, specify
from simulation.report.drawings.palette import PICTURE
from simulation.report.files.run import Run
from simulation.report.sections import series
from simulation.report.sections.answering import answer
from simulation.report.sections.learned import accuracy_drawing
from simulation.report.sections.spending import steps
from simulation.report.sections.timeline import marks

_WIDTH, _HEIGHT = 720, 190
_NOTED_CHANGES = 8
_LINE, _TITLE_LINE, _MOST_LINES = 105, 78, 14
_UNDRAWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_LEVEL = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_SPREAD = "Thick: the client that has spent most so far. Thin or shaded: all clients. By the Rényi accountant."


def draw(run: Run, ending: str) -> bytes:
    """The picture as a file's bytes, for an `ending` of ".png" or ".svg". Raises ScenarioError for another."""
    if ending not in (".png", ".svg"):
        raise ScenarioError([f"a picture's name ends in .png or .svg, not in {ending!r}"])
    name = run.manifest.text("name") or "run"
    specification = specify(_stacked(run), f"Accuracy and ε by round of {name}", PICTURE)
    specification = {key: _drawable(value) for key, value in specification.items()}
    if ending == ".svg":
        return vl_convert.vegalite_to_svg(specification).encode()
    return bytes(vl_convert.vegalite_to_png(specification, scale=2))


def _drawable(value: object) -> object:
    """A JSON value without the characters that no SVG may hold: vl-convert ends the whole process over one."""
    if isinstance(value, dict):
        return {key: _drawable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_drawable(item) for item in value]
    return _UNDRAWABLE.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value


def _stacked(run: Run) -> Drawing:
    accuracy = accuracy_drawing(run, PICTURE)
    panels = [_panel(accuracy, "Accuracy by round", _changes(run))]
    rows = dict(accuracy.rows)
    if spread := series.spread(run):
        epsilon = charts.epsilon_by_round(spread, series.single_lines(run), steps(run), [], PICTURE)
        panels.append(_panel(epsilon, "Privacy spent, ε, by round", [_SPREAD]))
        rows |= epsilon.rows
    return Drawing(alt.vconcat(*panels, spacing=28).properties(padding=16, title=_heading(run)), rows)


def _heading(run: Run) -> alt.TitleParams:
    # A picture travels without its page, so what limits the promise goes with it.
    question = run.scenario.text("question") or run.manifest.text("question") or run.manifest.text("name") or "A run"
    stamp = run.manifest.text("stamp")
    # Few fonts have raised digits; one that lacks them would lend its whole line to another.
    answered = " ".join(answer(run)).replace("10⁻", "10^⁻").translate(_LEVEL)
    said = [answered, *([f"Stamped “{stamp}”."] if stamp else [])]
    return alt.TitleParams(
        _wrapped([question], _TITLE_LINE),
        subtitle=_wrapped(said, _LINE),
        fontSize=18,
        subtitleFontSize=13,
        subtitlePadding=8,
        subtitleColor=PICTURE.muted,
        offset=24,
    )


def _wrapped(texts: list[str], length: int) -> list[str]:
    return [line for text in texts for line in textwrap.wrap(text, length, max_lines=_MOST_LINES, placeholder=" …")]


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
