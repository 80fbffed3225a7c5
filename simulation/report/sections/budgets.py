"""Budgets over a run: the cap in force, who has nothing left, and what each segment of a client has spent by round."""

import math
from dataclasses import dataclass

from privacy import accounting, ledger
from privacy.ledger import Ledger
from simulation.report.files.run import Round, Run
from simulation.report.sections.timeline import events

_USES_THE_PAST = ("cumulative", "replay")
_MOST_SEGMENTS, _MOST_ROWS, _RECKONED_ROUNDS = 30, 200, 100


@dataclass(frozen=True)
class Retired:
    """A client that had nothing left from `round` to its end, or a segment of it that was used no more."""

    client: str
    segment: str
    round: int


@dataclass(frozen=True)
class Spent:
    """What one segment of a client had spent after a round."""

    round: int
    segment: str
    epsilon: float


def caps(run: Run) -> tuple[tuple[int, float], ...]:
    """The rounds from which a budget holds, with the budget; none where the scenario sets none."""
    budget = run.budget
    if budget is None:
        return ()
    changing = [event for event in events(run) if event.kind == "budget" and event.fields.finite("epsilon")]
    found = [(1, budget)]
    for at in sorted({event.at for event in changing}):
        # Of the events in force the one that the scenario lists last has its say.
        *_, event = (one for one in changing if one.at <= at)
        found.append((at, event.fields.finite("epsilon") or budget))
    return tuple(found)


def retired(run: Run) -> tuple[Retired, ...]:
    """Clients that were refused for want of budget up to their last round, and segments used no more before that."""
    clients = _retired_clients(run)
    if run.scenario.inner("privacy").inner("budget").text("on_exhausted") != "retire-segment":
        return tuple(clients.values())
    return (*clients.values(), *_retired_segments(run))


def spent_by_segment(run: Run, client: str) -> tuple[Spent, ...]:
    """Epsilon of each of a client's segments by round, by the Renyi accountant; none where ledgers cannot be reckoned.

    A ledger of more rows than any scenario leads to is not reckoned, so that no file can keep the reader waiting.
    """
    delta = run.delta
    if delta is None or not 0 < delta < 1:
        return ()
    kept = [(one, one.reports[client]) for one in run.rounds if client in one.reports]
    kept = kept[::-1][:: math.ceil(len(kept) / _RECKONED_ROUNDS) or 1][::-1]
    found: list[Spent] = []
    for one, report in kept:
        rows = _rows(report.ledger)
        if rows is None:
            return ()
        spent = accounting.epsilon_by_segment(rows, delta)
        found += [Spent(one.round, name, value) for name, value in spent.items() if math.isfinite(value)]
    return tuple(found)


def dearest(run: Run) -> dict[int, tuple[float, str]]:
    """For each experience the largest epsilon of any client's segment of it, and whose that is; infinite: no bound."""
    stated, found = run.summary.inner("epsilon").inner("per_client"), dict[int, tuple[float, str]]()
    for client in stated:
        segments = stated.inner(client).inner("per_segment")
        for name in segments:
            value = segments.number(name)
            spent = math.inf if value is None else value
            experience = run.clients[client].segments.get(name, 0) if client in run.clients else 0
            if spent > found.get(experience, (-1.0, ""))[0]:
                found[experience] = spent, client
    return found


def _rows(listed: tuple[object, ...]) -> Ledger | None:
    if len(listed) > _MOST_ROWS:
        return None
    try:
        rows = ledger.from_rows(one.values for one in listed)  # type: ignore[attr-defined]
    except (ValueError, OverflowError):
        return None
    return rows if len({row.segment for row in rows}) <= _MOST_SEGMENTS else None


def _retired_clients(run: Run) -> dict[str, Retired]:
    since: dict[str, Retired] = {}
    for one in run.rounds:
        for client, report in one.reports.items():
            if report.status == "retired":
                since.setdefault(client, Retired(client, "", one.round))
            else:
                since.pop(client, None)
    return since


def _retired_segments(run: Run) -> list[Retired]:
    """Segments that were charged before and, though the learner would have used them, not any more."""
    steps: dict[tuple[str, str], int] = {}
    since: dict[tuple[str, str], Retired] = {}
    for one in run.rounds:
        for client, report in one.reports.items():
            if report.status not in ("trained", "late", "retired"):
                continue
            charged = dict[str, int]()
            for row in report.ledger:
                charged[row.text("segment")] = charged.get(row.text("segment"), 0) + row.count("steps")
            for name, count in charged.items():
                key = client, name
                if count > steps.get(key, 0):
                    since.pop(key, None)
                elif key in steps and _would_use(run, one, client, name):
                    since.setdefault(key, Retired(client, name, one.round))
                steps[key] = count
    return list(since.values())


def _would_use(run: Run, one: Round, client: str, segment: str) -> bool:
    """Whether the learner uses a segment, which it has used before, in a round in which the client takes part."""
    if run.scenario.inner("learner").text("kind") == "additive-statistics":
        return False  # a segment is released once
    gone = any(
        event.kind == "unlearn" and event.at <= one.round and client in (event.clients or ())
        for event in events(run)
        if not event.fields.texts("segments") or segment in event.fields.texts("segments")
    )
    known = run.clients[client].segments if client in run.clients else {}
    of_now = not one.experience or known.get(segment, 0) == one.experience
    return not gone and (of_now or run.scenario.inner("learner").text("kind") in _USES_THE_PAST)
