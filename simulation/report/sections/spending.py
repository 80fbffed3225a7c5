"""The exhibits of what a run cost in privacy: epsilon by round, by client and by segment, against the budget."""

import math

from simulation.report.drawings import charts, crowd_charts
from simulation.report.drawings.drawing import Row
from simulation.report.drawings.palette import PAGE
from simulation.report.files.run import Run
from simulation.report.sections import crowd, series
from simulation.report.sections.budgets import caps, retired, spent_by_segment
from simulation.report.sections.exhibits import Exhibit, exhibit
from simulation.report.wording import equals, number_of, significant, stated

_NAMED = 5


def privacy(run: Run) -> tuple[Exhibit, ...]:
    """Epsilon by round, by client and by segment; nothing for a run without privacy."""
    if not run.epsilon:
        return ()
    limits, spread, gone = caps(run), series.spread(run), _retired_rows(run)
    others = "thin lines: each client" if len(run.epsilon) <= series.SINGLE_LINES else "band: all clients"
    by_round = (
        f"Each round that uses a record again costs it more. Thick line: the client that has spent most so far; "
        f"{others}.{_accountants(run)}{_budgets(limits)}"
    )
    if gone and spread:
        by_round += " Squares: clients that from then on had nothing left to spend."
    if not spread:
        by_round = "No round has a finite ε, so there is nothing to draw."
    drawing = charts.epsilon_by_round(spread, series.single_lines(run), steps(run), gone, PAGE) if spread else None
    budget = (
        f" Dashed: the budget, {stated(limits[-1][1])}{' at the end' if len(limits) > 1 else ''}." if limits else ""
    )
    limit = limits[-1][1] if limits else None
    found = (
        exhibit("epsilon", "ε by round", by_round, drawing),
        _spread(run, budget, limit) if len(run.epsilon) > crowd.MANY else _by_client(run, budget, limit),
        _by_segment(run),
    )
    return tuple(one for one in found if one is not None)


def steps(run: Run) -> list[Row]:
    """`round`, `value` and `label` of every budget from when it holds, and of the last one again at the run's end."""
    rows: list[Row] = [{"round": at, "value": value, "label": f"budget {value:g}"} for at, value in caps(run)]
    return [*rows, {**rows[-1], "round": run.last, "label": ""}] if len(rows) > 1 else rows


def _by_client(run: Run, budget: str, limit: float | None) -> Exhibit:
    drawing = charts.epsilon_by_client(series.by_client(run), limit, PAGE)
    return exhibit("epsilon-by-client", "ε by client, over the whole run", f"{_who_spent_most(run)}{budget}", drawing)


def _spread(run: Run, budget: str, limit: float | None) -> Exhibit:
    """How many clients spent how much."""
    finite = [(run.name_of(client), value) for client, value in run.epsilon.items() if math.isfinite(value)]
    caption = (
        f"How many of the {number_of(len(run.epsilon), 'client')} that were charged spent how much in the whole run."
    )
    if finite:
        caption += f" {crowd.ends(finite, lambda spent: equals('ε', significant(spent)))}"
    if len(finite) < len(run.epsilon):
        caption += f" No finite ε holds for {number_of(len(run.epsilon) - len(finite), 'client')}."
    drawing = crowd_charts.spread(crowd.epsilon_spread(run), "ε", 0, limit, PAGE) if finite else None
    return exhibit("epsilon-by-client", "ε of the clients, over the whole run", f"{caption}{budget}", drawing)


def _by_segment(run: Run) -> Exhibit | None:
    """What each segment of the client that spent most has spent; None where it has only one."""
    if run.most_exposed is None:
        return None
    client, _ = run.most_exposed
    spent = spent_by_segment(run, client)
    names = list(dict.fromkeys(one.segment for one in spent))
    if len(names) < 2:
        return None
    rows: list[Row] = [{"round": one.round, "segment": one.segment, "value": round(one.epsilon, 4)} for one in spent]
    gone = {one.segment: one.round for one in retired(run) if one.client == client and one.segment}
    marks = [row for row in rows if gone.get(str(row["segment"])) == row["round"]]
    caption = (
        f"What {run.name_of(client)}, the client that spent most, has spent on each piece of its data. A record is in "
        "one piece, so the dearest piece is what counts: they do not add up."
    )
    if marks:
        caption += " Squares: pieces that were used no more, since the next round would have exceeded the budget."
    return exhibit(
        "epsilon-by-segment",
        "ε by segment of the client that spent most",
        caption,
        charts.epsilon_by_segment(rows, names, steps(run), marks, PAGE),
        wide=True,
    )


def _retired_rows(run: Run) -> list[Row]:
    """`round`, `value` and `text` of clients that had nothing left; those that spent alike share a mark."""
    spent = {one.round: one.epsilon for one in run.rounds}
    found: dict[tuple[int, float], list[str]] = {}
    for one in retired(run):
        value = spent[one.round].get(one.client, math.inf)
        if not one.segment and math.isfinite(value):
            found.setdefault((one.round, round(value, 4)), []).append(run.name_of(one.client))
    return [
        {"round": at, "value": value, "text": ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")}
        for (at, value), names in found.items()
    ]


def _budgets(limits: tuple[tuple[int, float], ...]) -> str:
    if not limits:
        return ""
    later = "".join(f", {stated(value)} from round {at}" for at, value in limits[1:4])
    more = ", and so on" if len(limits) > 4 else ""
    return f" Dashed: the budget, {stated(limits[0][1])}{' at first' if later else ''}{later}{more}."


def _accountants(run: Run) -> str:
    # The journal's epsilon is always the Renyi accountant's; a scenario may have the totals reckoned by another.
    if run.accountant == "prv":
        budget = " A budget is kept by PRV, too: a line may cross it." if run.budget is not None else ""
        return f" Reckoned by the Rényi accountant; the totals are by PRV, which is tighter.{budget}"
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
