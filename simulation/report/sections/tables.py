"""The numbers behind the charts, for those who read tables."""

import base64
import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from simulation.report.files.run import Round, Run
from simulation.report.sections.crowd import MANY
from simulation.report.sections.series import labels
from simulation.report.sections.sight import Sight
from simulation.report.wording import decimal, duration, percent, significant, size


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header, already in words; the first cell of a row names it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def packed(self) -> str:
        """The rows of a long table, column by column, as deflated JSON in base64; empty for one that is short.

        As markup a row takes ten times the room, and a browser seconds over thousands of them.
        """
        if len(self.rows) <= MANY:
            return ""
        columns = json.dumps(list(zip(*self.rows, strict=True)), separators=(",", ":"))
        return base64.b64encode(zlib.compress(columns.encode(), 9)).decode()


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


def sights(seen: Sequence[Sight], rounds_played: int) -> Table:
    """What the server saw of each client."""
    header = (
        "Client",
        "Rounds taken part",
        "Single updates seen",
        "Metadata seen",
        "Uploaded",
        "Retired, lost, rejected, failed",
    )
    rows = tuple(
        (
            one.client,
            f"{one.rounds} of {rounds_played}",
            f"● yes, in {one.updates_seen}" if one.updates_seen else "○ no",
            ", ".join(one.metadata) or "none",
            size(one.sent_bytes),
            "; ".join(one.incidents) or "–",
        )
        for one in seen
    )
    return Table("What the server saw of each client", header, rows)


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
