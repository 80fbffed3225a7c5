"""The exhibits of a run with a timeline: what happened when, what each experience became, and what was forgotten."""

import math
from collections.abc import Sequence

from simulation.report.drawings import matrix_charts, timeline_charts
from simulation.report.drawings.drawing import Row
from simulation.report.drawings.palette import PAGE
from simulation.report.files.run import Run
from simulation.report.sections import incidents
from simulation.report.sections.budgets import dearest
from simulation.report.sections.exhibits import Exhibit, exhibit
from simulation.report.sections.figures import Figure
from simulation.report.sections.matrix import Cells, Matrix, matrix_of
from simulation.report.sections.timeline import experiences, has_timeline
from simulation.report.wording import percent, significant

_ROOM = 100
"""About so many letters fit side by side across a chart."""

_MOST_LABELS = 40
_MOST_CELLS = 50
_MOST_CLIENTS, _MOST_SMALL_CELLS = 12, 1500
_MOST_BARS = 40


def timeline(run: Run) -> Exhibit | None:
    """Who was there, and what happened; None for a run in which nothing changes."""
    if not has_timeline(run) or not run.rounds:
        return None
    bands, marks, lanes = band_rows(run), incidents.event_rows(run), incidents.lanes(run)
    numbered = " Numbered discs are events, told below; a line from a disc lasts as long as the event." if marks else ""
    shaded = " Bands are experiences." if bands else ""
    if lanes:
        caption = f"A bar for every client, in the rounds in which it was there.{shaded}{numbered}"
        drawing = timeline_charts.lanes(bands, lanes, incidents.lane_rows(run), marks, PAGE)
    else:
        caption = f"How many clients were there, and what became of those that were asked.{shaded}{numbered}"
        once = {row["number"]: row for row in marks}
        drawing = timeline_charts.counts(bands, incidents.counted(run), list(once.values()), PAGE)
    return exhibit("lanes", "Clients and events by round", caption, drawing, wide=True)


def forgetting(run: Run) -> tuple[Exhibit, ...]:
    """The matrix, its small multiples by client, and forgetting beside epsilon; nothing where no experience is over."""
    matrix = matrix_of(run)
    if matrix is None:
        return ()
    return tuple(one for one in (_matrix(matrix), _forgotten(run, matrix), _by_client(run, matrix)) if one is not None)


def kept(run: Run) -> tuple[Figure, ...]:
    """What follows from the matrix R[i, j], in the terms of the field; nothing where no experience is over."""
    matrix = matrix_of(run)
    if matrix is None:
        return ()
    named: tuple[tuple[str, float | None, str], ...] = (
        ("Average accuracy", matrix.average_accuracy, "The mean over all experiences of the accuracy at the end."),
        (
            "Forgetting",
            matrix.forgetting,
            "How far, on average, the accuracy on an earlier experience has fallen from its best to the end; negative "
            "where it rose.",
        ),
        (
            "Backward transfer, BWT",
            matrix.backward_transfer,
            "What learning later experiences did to the accuracy on earlier ones since they were learned; negative is "
            "harm.",
        ),
        (
            "Forward transfer, FWT",
            matrix.forward_transfer,
            "How much better than an untrained model it was on an experience before that came.",
        ),
        ("Plasticity", matrix.plasticity, "The mean accuracy on each experience just after it was learned."),
    )
    return tuple(Figure(name, percent(value), meaning) for name, value, meaning in named if value is not None)


def band_rows(run: Run) -> list[Row]:
    """`from`, `to`, `middle`, `label`, `name`, `rounds` and `shaded` of every experience that was reached."""
    reached = experiences(run)
    spelt = sum(len(one.name) for one in reached) + 3 * len(reached) <= _ROOM
    every = math.ceil(len(reached) / _MOST_LABELS) or 1
    return [
        {
            "from": one.first - 0.5,
            "to": one.last + 0.5,
            "middle": (one.first + one.last) / 2,
            "label": one.name if spelt else str(one.number) if (one.number - 1) % every == 0 else "",
            "name": f"{one.number}: {one.name}",
            "rounds": f"{one.first}–{one.last}",
            "shaded": one.number % 2 == 1,
        }
        for one in reached
    ]


def _matrix(matrix: Matrix) -> Exhibit:
    rows, on, after = _cells(matrix, matrix.cells)
    caption = (
        "R[i, j]: the accuracy, in percent, on each experience (across) after each one was over (down). The framed "
        "diagonal is what was just learned; below it is what was kept, above it what is still to come."
    )
    return exhibit(
        "matrix",
        "Accuracy on every experience after every experience",
        caption,
        matrix_charts.matrix(rows, on, after, PAGE),
        wide=len(on) > 10,
    )


def _by_client(run: Run, matrix: Matrix) -> Exhibit | None:
    tables = matrix.per_client
    if not 1 < len(tables) <= _MOST_CLIENTS or len(tables) * len(matrix.names) ** 2 > _MOST_SMALL_CELLS:
        return None
    rows: list[Row] = []
    kept = ("on", "after", "value")
    for place, (client, cells) in enumerate(tables.items()):
        own, on, after = _cells(matrix, cells)
        rows += [{"client": run.name_of(client), "place": place, **{key: row[key] for key in kept}} for row in own]
    caption = (
        "The same for each client: each experience weighs its classes as the client's own records have them. Where a "
        "client holds nothing of an experience there is no cell."
    )
    drawing = matrix_charts.by_client(rows, on, after, PAGE)
    return exhibit("matrix-by-client", "The same by client", caption, drawing, wide=True)


def _forgotten(run: Run, matrix: Matrix) -> Exhibit | None:
    spent = dearest(run)
    if not matrix.forgotten and not spent:
        return None
    forgotten = dict(enumerate(matrix.forgotten, start=1))
    numbers = [number for number in range(1, len(matrix.names) + 1) if number in forgotten or number in spent]
    shown = sorted(sorted(numbers, key=lambda number: -forgotten.get(number, 0.0))[:_MOST_BARS])
    most = max([0.2, *forgotten.values()])
    dear = max([value for value, _ in spent.values() if math.isfinite(value)], default=0.0) or 1.0
    rows: list[Row] = []
    for number in shown:
        value, _ = spent.get(number, (0.0, ""))
        row = {
            "label": _label(number, matrix.names),
            "name": f"{number}: {matrix.names[number - 1]}",
            "forgotten": round(max(0.0, forgotten.get(number, 0.0)) / most, 4),
            "forgot": percent(forgotten[number]) if number in forgotten else "just learned",
        }
        if spent:
            row |= {
                "spent": round(min(value, dear) / dear, 4),
                "epsilon": significant(value),
            }
        rows.append(row)
    caption = "Forgotten: how far the accuracy on an experience fell from its best to the end."
    if spent:
        caption += " Beside it what its records cost in privacy: the largest ε of any client's segment of it."
    if len(shown) < len(numbers):
        caption += f" The {len(shown)} most forgotten of {len(numbers)} are shown."
    title = "What was forgotten, and what it had cost" if spent else "What was forgotten"
    labels = [str(row["label"]) for row in rows]
    return exhibit("forgotten", title, caption, matrix_charts.forgetting(rows, labels, PAGE), wide=len(rows) > 10)


def _label(number: int, names: Sequence[str]) -> str:
    return f"{number}  {names[number - 1]}"


def _cells(matrix: Matrix, cells: Cells) -> tuple[list[Row], list[str], list[str]]:
    """The rows of a heat map and its labels across and down; thinned out where there are too many to see."""
    every = math.ceil(len(matrix.names) / _MOST_CELLS)
    across, down = range(0, len(matrix.names), every), range(0, len(cells), every)
    rows: list[Row] = [
        {
            "on": str(j + 1),
            "after": str(i + 1),
            "value": round(value, 3),
            "text": f"{100 * value:.0f}",
            "name": f"{j + 1}: {matrix.names[j]}",
            "learned": i == j,
        }
        for i in down
        for j in across
        if (value := cells[i][j]) is not None
    ]
    return rows, [str(j + 1) for j in across], [str(i + 1) for i in down]
