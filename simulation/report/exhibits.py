"""The exhibits of a run: each chart with its caption and, for those who read tables, the numbers behind it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import altair as alt

from simulation.report import charts
from simulation.report.charts import Drawing, Row, Specification
from simulation.report.figures import accuracy_of
from simulation.report.palette import PAGE, Palette
from simulation.report.reading import Round, Run
from simulation.report.sight import marks
from simulation.report.wording import decimal, duration, number_of, percent, significant, size

_SINGLE_LINES = 20
_DRAWN_ROUNDS = 400


@dataclass(frozen=True)
class Exhibit:
    """A chart (None where there is nothing to draw) under a title, with a caption that says what it shows."""

    title: str
    caption: str
    chart: Specification | None


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header, already in words."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def learning(run: Run) -> tuple[Exhibit, ...]:
    """Accuracy and loss by round."""
    known = [one for one in run.rounds if one.accuracy is not None]
    best = max(known, key=lambda one: one.accuracy or 0.0, default=None)
    if best is None:
        return (Exhibit("Accuracy by round", "No round was evaluated.", None),)
    accuracy = f"Best {percent(best.accuracy)} in round {best.round}, last {percent(accuracy_of(run))}."
    losses = [one.loss for one in run.rounds if one.loss is not None]
    loss = f"From {decimal(losses[0])} to {decimal(losses[-1])}; lower is better." if losses else "No loss was recorded."
    return (
        _exhibit("Accuracy by round", accuracy, draw_accuracy(run, PAGE)),
        _exhibit("Loss by round", loss, _draw_loss(run) if losses else None),
    )


def privacy(run: Run) -> tuple[Exhibit, ...]:
    """Epsilon by round and by client; nothing for a run without privacy."""
    if run.most_exposed is None:
        return ()
    client, spent = run.most_exposed
    budget = f" The dashed line is the budget of {significant(run.budget)}." if run.budget is not None else ""
    others = "the others are thin lines" if len(run.clients) <= _SINGLE_LINES else "the band holds all others"
    if math.isinf(spent):
        by_round = f"No finite ε bounds what {run.name_of(client)} gave away; only finite values are drawn.{budget}"
    else:
        by_round = f"The thick line is the client that has spent most so far; {others}.{budget}"
    by_client = f"{run.name_of(client)} spent most, {significant(spent)}; its bar is dark and marked “most”.{budget}"
    return (
        _exhibit("ε by round", by_round, draw_epsilon(run, PAGE)),
        _exhibit("ε by client, whole run", by_client, _draw_epsilon_by_client(run)),
    )


def cost(run: Run) -> tuple[Exhibit, ...]:
    """Bytes and seconds by round."""
    if not run.rounds:
        return ()
    sent, received, spent = (median(values) for values in zip(*((one.sent_bytes, one.received_bytes, one.seconds) for one in run.rounds), strict=True))
    traffic = f"A typical round uploads {size(sent)} and downloads {size(received)}."
    seconds = f"A typical round takes {duration(spent)}."
    return (
        _exhibit("Bytes by round", traffic, _draw_pair(run, "bytes", _traffic)),
        _exhibit("Seconds by round", seconds, _draw_pair(run, "seconds", _seconds)),
    )


def holdings(run: Run) -> Exhibit:
    """Which classes each client holds."""
    names = [client.name for client in run.clients.values()]
    classes = list(run.classes) or list(dict.fromkeys(label for client in run.clients.values() for label in client.labels))
    rows = [
        {"client": client.name, "class": label, "records": count}
        for client in run.clients.values()
        for label, count in client.labels.items()
        if count > 0
    ]
    if not rows:
        return Exhibit("Classes at each client", "The labels of the clients' records were not recorded.", None)
    few = min(len([count for count in client.labels.values() if count > 0]) for client in run.clients.values())
    caption = f"A square's area is the number of records; no square, no records. The least varied client holds {few} of {len(classes)} classes."
    return _exhibit("Classes at each client", caption, charts.holdings(rows, names, classes, PAGE))


def rounds_table(run: Run) -> Table:
    """Every round in numbers."""
    header = ("Round", "Accuracy", "Loss", "Largest ε", "Trained", "Uploaded", "Downloaded", "Time", "Training")
    return Table("Every round in numbers", header, tuple(_round_row(one) for one in run.rounds))


def epsilon_table(run: Run) -> Table | None:
    """Epsilon of every client and the segment of its data that set it."""
    if not run.epsilon:
        return None
    stated = run.summary.inner("epsilon").inner("per_client")
    rows = []
    for client, spent in run.epsilon.items():
        segments = stated.inner(client).inner("per_segment")
        known = {name: segments.number(name) for name in segments}
        worst = max(known, key=lambda name: known[name] if known[name] is not None else math.inf, default="")
        rows.append((run.name_of(client), significant(spent), worst or "–", str(len(known)) if known else "–"))
    return Table("ε of every client", ("Client", "ε", "Set by segment", "Segments charged"), tuple(rows))


def holdings_table(run: Run) -> Table:
    """Every client's records by class."""
    labels = list(dict.fromkeys([*run.classes, *(label for client in run.clients.values() for label in client.labels)]))
    rows = tuple(
        (client.name, f"{client.records:,}", *(f"{client.labels.get(label, 0):,}" for label in labels))
        for client in run.clients.values()
    )
    return Table("Every client's records by class", ("Client", "Records", *labels), rows)


def draw_accuracy(run: Run, palette: Palette) -> Drawing:
    """Accuracy by round with the scenario's events as numbered marks."""
    rows = [{"round": one.round, "value": one.accuracy} for one in _thinned(run.rounds) if one.accuracy is not None]
    axis = alt.Axis(title="accuracy", format="%", tickCount=5)
    return charts.by_round(rows, _mark_rows(run), axis, palette)


def draw_epsilon(run: Run, palette: Palette) -> Drawing | None:
    """Epsilon by round; None where no round has a finite one."""
    spread: list[Row] = []
    lines: list[Row] = []
    for one in _thinned(run.rounds):
        finite = {client: value for client, value in one.epsilon.items() if math.isfinite(value)}
        if not finite or len(finite) < len(one.epsilon):
            continue
        most = max(finite, key=lambda client: finite[client])
        spread.append(
            {"round": one.round, "low": min(finite.values()), "high": finite[most], "client": run.name_of(most)}
        )
        lines += [{"round": one.round, "client": run.name_of(key), "value": value} for key, value in finite.items()]
    if not spread:
        return None
    return charts.spread_by_round(spread, lines if len(run.epsilon) <= _SINGLE_LINES else [], run.budget, palette)


def _draw_epsilon_by_client(run: Run) -> Drawing | None:
    most = run.most_exposed[0] if run.most_exposed else ""
    rows = [
        {
            "client": run.name_of(client),
            "value": value if math.isfinite(value) else 0.0,
            "label": significant(value) + (" most" if client == most else ""),
            "most": client == most,
        }
        for client, value in run.epsilon.items()
    ]
    return charts.by_client(rows, run.budget, PAGE)


def _draw_loss(run: Run) -> Drawing:
    rows = [{"round": one.round, "value": one.loss} for one in _thinned(run.rounds) if one.loss is not None]
    return charts.by_round(rows, _mark_rows(run), alt.Axis(title="loss", tickCount=5), PAGE)
