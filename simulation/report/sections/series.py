"""The rows that the charts draw, taken from a run: flat, finite and at most a few hundred rounds."""

import math
from collections.abc import Sequence

from simulation.report.drawings.drawing import Row
from simulation.report.files.run import Client, Round, Run
from simulation.report.sections.timeline import marks
from simulation.report.wording import significant

SINGLE_LINES = 20
"""Up to so many clients are drawn as a line each; more become a band."""

_DRAWN_ROUNDS = 400


def accuracy(run: Run) -> list[Row]:
    """`round` and `value` of every evaluated round."""
    return [{"round": one.round, "value": one.accuracy} for one in drawn(run) if one.accuracy is not None]


def loss(run: Run) -> list[Row]:
    """`round` and `value` of every evaluated round."""
    return [{"round": one.round, "value": one.loss} for one in drawn(run) if one.loss is not None]


def changes(run: Run) -> list[Row]:
    """`round` and `number` of what the scenario changed."""
    return [{"round": mark.round, "number": str(mark.number)} for mark in marks(run)]


def spread(run: Run) -> list[Row]:
    """`round`, `low`, `high` and the `client` that has the highest epsilon, where every epsilon is finite."""
    rows: list[Row] = []
    for one in _bounded(run):
        most = max(one.epsilon, key=lambda client: one.epsilon[client])
        low, high = min(one.epsilon.values()), one.epsilon[most]
        rows.append({"round": one.round, "low": low, "high": high, "client": run.name_of(most)})
    return rows


def single_lines(run: Run) -> list[Row]:
    """`round`, `client` and `value`; empty where there are too many clients for a line each."""
    if len(run.epsilon) > SINGLE_LINES:
        return []
    return [
        {"round": one.round, "client": run.name_of(client), "value": value}
        for one in _bounded(run)
        for client, value in one.epsilon.items()
    ]


def by_client(run: Run) -> list[Row]:
    """`client`, its `value` (0 where it is infinite, as the `label` says) and whether it is the `most` of all."""
    latest = run.epsilon
    highest = max(latest.values(), default=0.0)
    alike = all(value == highest for value in latest.values())
    return [
        {
            "client": run.name_of(client),
            "value": value if math.isfinite(value) else 0.0,
            "label": significant(value) + (" most" if value == highest and not alike else ""),
            "most": value == highest,
        }
        for client, value in latest.items()
    ]


def traffic(run: Run) -> list[Row]:
    """`round`, `kind` and `value` of bytes up and down."""
    up: list[Row] = [{"round": one.round, "kind": "uploaded", "value": one.sent_bytes} for one in drawn(run)]
    return up + [{"round": one.round, "kind": "downloaded", "value": one.received_bytes} for one in drawn(run)]


def seconds(run: Run) -> list[Row]:
    """`round`, `kind` and `value` of seconds by the clock and of the clients' own, added up."""
    whole: list[Row] = [{"round": one.round, "kind": "by the clock", "value": one.seconds} for one in drawn(run)]
    return whole + [{"round": one.round, "kind": "clients, added up", "value": one.train_seconds} for one in drawn(run)]


def holdings(clients: Sequence[Client]) -> list[Row]:
    """`client`, `class` and `records`, where there are any."""
    return [
        {"client": client.name, "class": label, "records": count}
        for client in clients
        for label, count in client.labels.items()
        if count > 0
    ]


def labels(run: Run) -> list[str]:
    """Every class that the data set or a client names."""
    held = (label for client in run.clients.values() for label in client.labels)
    return list(dict.fromkeys([*run.classes, *held]))


def drawn(run: Run) -> Sequence[Round]:
    """The rounds that are drawn: all of them, or of a long run every so many."""
    # More points than pixels would only make the page heavy; the last round is always among those drawn.
    stride = math.ceil(len(run.rounds) / _DRAWN_ROUNDS) or 1
    return run.rounds[::-1][::stride][::-1]


def _bounded(run: Run) -> list[Round]:
    return [one for one in drawn(run) if one.epsilon and all(map(math.isfinite, one.epsilon.values()))]
