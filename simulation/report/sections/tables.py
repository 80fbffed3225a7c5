"""The numbers behind the charts, for those who read tables."""

import math
from dataclasses import dataclass

from simulation.report.files.run import Round, Run
from simulation.report.sections.series import labels
from simulation.report.wording import decimal, duration, percent, significant, size


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header, already in words; the first cell of a row names it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def rounds(run: Run) -> Table:
    """Every round in numbers."""
    header = ("Round", "Accuracy", "Loss", "Largest ε", "Clients trained", "Uploaded", "Downloaded", "Time", "Training")
    return Table("Every round in numbers", header, tuple(_round(one) for one in run.rounds))


def epsilon(run: Run) -> Table:
    """Epsilon of every client and the segment of its data that set it."""
    stated = run.summary.inner("epsilon").inner("per_client")
    rows = []
    for client, spent in run.epsilon.items():
        segments = stated.inner(client).inner("per_segment")
        known = {name: segments.number(name) for name in segments}
        worst = max(known.items(), key=_spent, default=("–", None))[0]
        rows.append((run.name_of(client), significant(spent), worst, str(len(known)) if known else "–"))
    return Table("ε of every client", ("Client", "ε", "Set by segment", "Segments charged"), tuple(rows))


def holdings(run: Run) -> Table:
    """Every client's records by class."""
    names = labels(run)
    rows = tuple(
        (client.name, f"{client.records:,}", *(f"{client.labels.get(name, 0):,}" for name in names))
        for client in run.clients.values()
    )
    return Table("Every client's records by class", ("Client", "Records", *names), rows)


def _spent(segment: tuple[str, float | None]) -> float:
    return math.inf if segment[1] is None else segment[1]


def _round(one: Round) -> tuple[str, ...]:
    return (
        str(one.round),
        percent(one.accuracy),
        decimal(one.loss),
        significant(max(one.epsilon.values())) if one.epsilon else "–",
        str(sum(report.status == "trained" for report in one.reports.values())),
        size(one.sent_bytes),
        size(one.received_bytes),
        duration(one.seconds),
        duration(one.train_seconds),
    )
