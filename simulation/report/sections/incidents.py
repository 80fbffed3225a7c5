"""What became of the clients that were asked, as stretches of rounds: lost, late, refused, or nothing left to spend."""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from simulation.report.drawings.drawing import Row
from simulation.report.files.run import Run
from simulation.report.sections.timeline import EVERYBODY, events, marks, presence

LANES = 20
"""Up to so many clients have a lane each; more are counted."""

THERE = "there"
STATES = {
    "retired": "nothing left to spend",
    "dropped": "lost to the round",
    "late": "late",
    "rejected": "refused or failed",
    "failed": "refused or failed",
    "refused": "refused or failed",
}
"""How the timeline calls each status of a report that did not end in training."""

_STACKED = {"trained": "trained", "late": "late", "dropped": STATES["dropped"], "rejected": STATES["rejected"]} | STATES

_MOST_STRETCHES = 2000
_COUNTED_ROUNDS = 200


@dataclass(frozen=True)
class Stretch:
    """Rounds in a row in which a client was in one state, with the reason given in the first of them."""

    client: str
    state: str
    first: int
    last: int
    reason: str


def stretches(run: Run) -> tuple[Stretch, ...]:
    """Where clients that were asked did not train, by client in the manifest's order."""
    return tuple(stretch for client in _known(run) for stretch in _of_client(run, client))[:_MOST_STRETCHES]


def lanes(run: Run) -> list[str]:
    """The names of the lanes from top to bottom; none where there are too many clients."""
    known = _known(run)
    if len(known) > LANES:
        return []
    everybody = any(event.clients is None for event in events(run))
    return ([EVERYBODY] if everybody else []) + [run.name_of(client) for client in known]


def lane_rows(run: Run) -> list[Row]:
    """`lane`, `state`, `from`, `to` (half a round before and after), `first`, `last` and the `reason`."""
    there = presence(run, _known(run))
    rows: list[Row] = [
        _bar(run, Stretch(client, THERE, first, last, "")) for client in there for first, last in there[client]
    ]
    return rows + [_bar(run, stretch) for stretch in stretches(run)]


def event_rows(run: Run) -> list[Row]:
    """`lane`, `round`, `until`, `number` and `text` of every event, once for each client that it concerns."""
    told = {mark.round: mark for mark in marks(run)}
    rows: dict[tuple[int, str], Row] = {}
    for event in events(run):
        mark = told.get(event.at)
        lane_names = [EVERYBODY] if event.clients is None else [run.name_of(client) for client in event.clients]
        for lane in lane_names if mark is not None else ():
            assert mark is not None
            until = min(event.until or event.at, run.last)
            rows[event.at, lane] = {
                "lane": lane,
                "round": event.at,
                "until": max(event.at, until),
                "number": str(mark.number),
                "text": "; ".join(mark.texts),
            }
    return list(rows.values())


def counted(run: Run) -> list[Row]:
    """`round`, `state`, its `place` from below and `clients`: how many of all clients were how in a round."""
    there = presence(run, _known(run)).values()
    begins = sorted(first for intervals in there for first, _ in intervals)
    ends = sorted(last for intervals in there for _, last in intervals)
    rounds = []
    for one in run.rounds[:: math.ceil(len(run.rounds) / _COUNTED_ROUNDS) or 1]:
        states = Counter(_STACKED.get(report.status, "refused or failed") for report in one.reports.values())
        present = bisect_right(begins, one.round) - bisect_left(ends, one.round)
        states["there, not asked"] = max(0, present - states.total())
        rounds.append((one.round, states))
    known = dict.fromkeys([*_STACKED.values(), "there, not asked"])
    met = [state for state in known if any(states[state] for _, states in rounds)]
    return [
        {"round": round_, "state": state, "place": place, "clients": states[state]}
        for round_, states in rounds
        for place, state in enumerate(met)
    ]


def _known(run: Run) -> list[str]:
    return list(dict.fromkeys([*run.clients, *(client for one in run.rounds for client in one.reports)]))


def _of_client(run: Run, client: str) -> Iterator[Stretch]:
    open_: Stretch | None = None
    for one in run.rounds:
        report = one.reports.get(client)
        state = STATES.get(report.status, "") if report is not None else ""
        if open_ is not None and state == open_.state and one.round == open_.last + 1:
            open_ = Stretch(client, state, open_.first, one.round, open_.reason)
            continue
        if open_ is not None:
            yield open_
        open_ = Stretch(client, state, one.round, one.round, report.reason) if state and report is not None else None
    if open_ is not None:
        yield open_


def _bar(run: Run, stretch: Stretch) -> Row:
    rounds = f"{stretch.first}" if stretch.first == stretch.last else f"{stretch.first}–{stretch.last}"
    return {
        "lane": run.name_of(stretch.client),
        "state": stretch.state,
        "from": stretch.first - 0.5,
        "to": stretch.last + 0.5,
        "rounds": rounds,
        "reason": stretch.reason,
    }
