"""The exhibits of a run: its charts, each with a caption that says what there is to see."""

import math
from dataclasses import dataclass
from statistics import median

from simulation.report import charts, series
from simulation.report.charts import Drawing, Specification
from simulation.report.figures import accuracy_of
from simulation.report.palette import PAGE
from simulation.report.reading import Run
from simulation.report.wording import decimal, duration, equals, number_of, percent, significant, size, stated


@dataclass(frozen=True)
class Exhibit:
    """A chart under a title, with a caption; None where there is nothing to draw, as the caption then says."""

    key: str
    title: str
    caption: str
    chart: Specification | None


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
    return (
        _exhibit(
            "accuracy", "Accuracy by round", accuracy, charts.accuracy_by_round(series.accuracy(run), changes, PAGE)
        ),
        _exhibit(
            "loss", "Loss by round", loss, charts.loss_by_round(series.loss(run), changes, PAGE) if losses else None
        ),
    )


def privacy(run: Run) -> tuple[Exhibit, ...]:
    """Epsilon by round and by client; nothing for a run without privacy."""
    if not run.epsilon:
        return ()
    budget = f" Dashed: the budget, {stated(run.budget)}." if run.budget is not None else ""
    others = "thin lines: each client" if len(run.epsilon) <= series.SINGLE_LINES else "band: all clients"
    spread = series.spread(run)
    by_round = (
        f"Each round that uses a record again costs it more. Thick line: the client that has spent most so far; "
        f"{others}.{_accountants(run)}{budget}"
    )
    if not spread:
        by_round = "No round has a finite ε, so there is nothing to draw."
    drawing = charts.epsilon_by_round(spread, series.single_lines(run), run.budget, PAGE) if spread else None
    return (
        _exhibit("epsilon", "ε by round", by_round, drawing),
        _exhibit(
            "epsilon-by-client",
            "ε by client, over the whole run",
            f"{_who_spent_most(run)}{budget}",
            charts.epsilon_by_client(series.by_client(run), run.budget, PAGE),
        ),
    )


def cost(run: Run) -> tuple[Exhibit, ...]:
    """Bytes and seconds by round."""
    if not run.rounds:
        return ()
    sent, received = (median(getattr(one, key) for one in run.rounds) for key in ("sent_bytes", "received_bytes"))
    traffic = (
        f"What all clients send and are sent. The median round uploads {size(sent)} and downloads {size(received)}."
    )
    seconds = (
        f"The median round takes {duration(median(one.seconds for one in run.rounds))} by the clock. Clients that work "
        "at the same time add up to more than that."
    )
    return (
        _exhibit("bytes", "Bytes by round", traffic, charts.pair_by_round(series.traffic(run), "bytes", PAGE)),
        _exhibit("seconds", "Seconds by round", seconds, charts.pair_by_round(series.seconds(run), "seconds", PAGE)),
    )


def holdings(run: Run) -> Exhibit:
    """Which classes each client holds."""
    rows, labels = series.holdings(run), series.labels(run)
    if not rows:
        return Exhibit(
            "holdings", "Classes at each client", "The labels of the clients' records were not recorded.", None
        )
    fewest = min(sum(count > 0 for count in client.labels.values()) for client in run.clients.values())
    caption = (
        "The larger the square, or the stronger the cell's colour, the more records; where there is nothing there is "
        "no record. "
        f"Every client holds records of {'all' if fewest == len(labels) else f'at least {fewest} of'} {len(labels)} "
        "classes. Unlike clients are harder to learn from."
    )
    names = [client.name for client in run.clients.values()]
    return _exhibit("holdings", "Classes at each client", caption, charts.holdings(rows, names, labels, PAGE))


def _accountants(run: Run) -> str:
    # The journal's epsilon is always the Renyi accountant's; a scenario may have the totals reckoned by another.
    if run.accountant == "prv":
        return " Reckoned by the Rényi accountant; the totals are by PRV, which is tighter."
    return " Reckoned by the Rényi accountant."


def _who_spent_most(run: Run) -> str:
    latest = run.epsilon
    highest = max(latest.values())
    most = [run.name_of(client) for client, value in latest.items() if value == highest]
    spent = "an unbounded ε" if math.isinf(highest) else equals("ε", significant(highest))
    if len(most) == len(latest):
        return f"Every client spent {spent}."
    also = f" and {number_of(len(most) - 1, 'other')}" if len(most) > 1 else ""
    return f"{most[0]}{also} spent most, {spent}, drawn in the strong colour."


def _exhibit(key: str, title: str, caption: str, drawing: Drawing | None) -> Exhibit:
    chart = charts.specify(drawing, f"{title}. {caption}", PAGE) if drawing is not None else None
    return Exhibit(key, title, caption, chart)
