"""What the server saw of each client, and what happened on the way, gathered from the journal."""

from dataclasses import dataclass

from simulation.report.files.run import Round, Run
from simulation.report.wording import spans

_REACHED_THE_SERVER = {"trained", "rejected", "late"}


@dataclass(frozen=True)
class Sight:
    """What the server saw of one client over a run: the rounds it took part in and those that showed its update."""

    client: str
    rounds: int
    updates_seen: int
    metadata: tuple[str, ...]
    sent_bytes: int
    incidents: tuple[str, ...]


def sights(run: Run) -> tuple[Sight, ...]:
    """One row for each client, in the manifest's order; clients that only the journal knows come last."""
    known = dict.fromkeys(run.clients) | dict.fromkeys(client for one in _all(run) for client in one.reports)
    return tuple(_sight(run, client) for client in known)


def _sight(run: Run, client: str) -> Sight:
    reports = [(one, one.reports[client]) for one in _all(run) if client in one.reports]
    reached = [one for one, report in reports if report.statuses & _REACHED_THE_SERVER]
    return Sight(
        client=run.name_of(client),
        rounds=sum(one.reports[client].status == "trained" for one in run.rounds if client in one.reports),
        updates_seen=sum(one.updates_seen for one in reached),
        metadata=tuple(dict.fromkeys(name for one in reached for name in one.metadata_seen)),
        sent_bytes=sum(report.sent_bytes for _, report in reports),
        incidents=_incidents(client, [one for one, _ in reports]),
    )


def _all(run: Run) -> tuple[Round, ...]:
    return (*run.rounds, *run.abandoned)


def _incidents(client: str, rounds: list[Round]) -> tuple[str, ...]:
    when: dict[tuple[str, str], list[int]] = {}
    for one in rounds:
        report = one.reports[client]
        for task, (status, reason) in {"": (report.status, report.reason), **report.then}.items():
            if status != "trained":
                told = status or "unknown"
                when.setdefault((f"{task}: {told}" if task else told, reason), []).append(one.round)
    return tuple(
        f"{status} in {'round' if len(at) == 1 else 'rounds'} {spans(at)}{f': {reason}' if reason else ''}"
        for (status, reason), at in when.items()
    )
