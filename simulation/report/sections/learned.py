"""The exhibits of how a run learned: accuracy, with a stream on each experience, and loss."""

from collections.abc import Sequence

from simulation.report.drawings import charts
from simulation.report.drawings.drawing import Drawing, Row
from simulation.report.drawings.palette import PAGE, Palette
from simulation.report.drawings.timeline_charts import Accuracies, accuracies
from simulation.report.files.run import Run
from simulation.report.sections import series
from simulation.report.sections.exhibits import Exhibit, exhibit
from simulation.report.sections.figures import accuracy_of
from simulation.report.sections.timeline import experiences, names_of
from simulation.report.wording import decimal, percent

ALL, BACKDOOR = "all test records so far", "success of the backdoor"  # what a legend has room for

_MOST_POINTS = 3000
_NEAR = 0.045
"""Ends of lines that lie closer than this would be written over one another."""


def learning(run: Run) -> tuple[Exhibit, ...]:
    """Accuracy and loss by round."""
    best = max(
        (one for one in run.rounds if one.accuracy is not None), key=lambda one: one.accuracy or 0.0, default=None
    )
    if best is None:
        return (Exhibit("accuracy", "Accuracy by round", "No round was evaluated.", None),)
    accuracy = (
        f"The share of test records classified correctly: {percent(best.accuracy)} at best, in round {best.round}, and "
        f"{percent(accuracy_of(run))} at the end."
    )
    losses = [one.loss for one in run.rounds if one.loss is not None]
    loss = (
        f"How far the model's predictions are from the test labels; lower is better. From {decimal(losses[0])} to "
        f"{decimal(losses[-1])}."
        if losses
        else "None was recorded."
    )
    changes = series.changes(run)
    streamed = any(one.by_experience for one in run.rounds)
    if streamed:
        accuracy = (
            "Thick: the accuracy on all test records that have come so far, each counting alike. Thin, and numbered at "
            "the end: on each experience, from when it came; upright rules stand where one begins."
        )
    if any(one.backdoor is not None for one in run.rounds):
        accuracy += " Dashed: the share of other records that the backdoor's trigger turns into its target."
    return (
        exhibit("accuracy", "Accuracy by round", accuracy, accuracy_drawing(run, PAGE), wide=streamed),
        exhibit(
            "loss",
            "Loss by round",
            loss,
            charts.loss_by_round(series.loss(run), changes, PAGE) if losses else None,
            wide=streamed,
        ),
    )


def accuracy_drawing(run: Run, palette: Palette) -> Drawing:
    """Accuracy by round: of a run with a stream or a backdoor together with these."""
    lines, overall = _lines(run), series.accuracy(run)
    planted: list[Row] = [
        {"round": one.round, "value": one.backdoor, "kind": BACKDOOR}
        for one in series.drawn(run)
        if one.backdoor is not None
    ]
    if not lines and not planted:
        return charts.accuracy_by_round(overall, series.changes(run), palette)
    known = {one.number: one.name for one in experiences(run)}
    shown = Accuracies(
        overall=[{**row, "kind": ALL if lines else "accuracy"} for row in overall] + planted,
        lines=lines,
        labels=list(dict.fromkeys(str(row["label"]) for row in lines)),
        ends=_ends(lines),
        starts=[{"round": one.first - 0.5} for one in experiences(run) if one.number > 1] if known else [],
        changes=series.changes(run),
    )
    return accuracies(shown, palette)


def _lines(run: Run) -> list[Row]:
    """`round`, `value`, `number` and `label` of each experience since it began."""
    count = max((len(one.by_experience) for one in run.rounds), default=0)
    names = names_of(run, count)
    rounds = [one for one in run.rounds if one.by_experience]
    every = -(-len(rounds) * count // (2 * _MOST_POINTS)) or 1
    kept = [one for place, one in enumerate(rounds) if place % every == 0 or one.over or one is rounds[-1]]
    return [
        {
            "round": one.round,
            "value": round(value, 4),
            "number": number,
            "label": f"{number}: {names[number - 1]}",
        }
        for number in range(1, count + 1)
        for one in kept
        if number <= one.experience and number <= len(one.by_experience)
        if (value := one.by_experience[number - 1]) is not None
    ]


def _ends(lines: Sequence[Row]) -> list[Row]:
    """`round`, `value` and `numbers` of where lines end; those that end in one place share it."""
    last = {str(row["number"]): row for row in lines}
    near = _NEAR * max((float(str(row["value"])) for row in lines), default=1.0)
    ends: list[Row] = []
    for row in sorted(last.values(), key=lambda row: float(str(row["value"]))):
        value = float(str(row["value"]))
        if ends and value - float(str(ends[-1]["value"])) < near:
            together = sorted([*map(int, str(ends[-1]["numbers"]).split(", ")), int(str(row["number"]))])
            ends[-1] = {**ends[-1], "numbers": ", ".join(map(str, together))}
        else:
            ends.append({"round": row["round"], "value": value, "numbers": str(row["number"])})
    return ends
