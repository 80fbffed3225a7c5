"""What the server saw of each client, and what happened on the way, gathered from the journal."""

from dataclasses import dataclass

from simulation.report.fields import Fields
from simulation.report.reading import Round, Run
from simulation.report.wording import spans

_REACHED_THE_SERVER = ("trained", "rejected")
_EVENT_KEYS = ("kind", "at", "until", "clients")


@dataclass(frozen=True)
class Sight:
    """What the server saw of one client over a run: the rounds it took part in and those that showed its update."""

    client: str
    rounds: int
    updates_seen: int
    metadata: tuple[str, ...]
    sent_bytes: int
    incidents: tuple[str, ...]


@dataclass(frozen=True)
class Mark:
    """Something that changed at a round, numbered in the order of the rounds."""

    number: int
    round: int
    texts: tuple[str, ...]


def sights(run: Run) -> tuple[Sight, ...]:
    """One row for each client, in the manifest's order; clients that only the journal knows come last."""
    known = dict.fromkeys(run.clients) | dict.fromkeys(client for one in _all(run) for client in one.reports)
    return tuple(_sight(run, client) for client in known)


def marks(run: Run) -> tuple[Mark, ...]:
    """The scenario's events and the starts of its experiences, by round."""
    texts: dict[int, list[str]] = {}
    stream = run.scenario.inner("stream")
    experiences, length = stream.count("experiences"), stream.count("rounds_per_experience")
    if length:
        for index in range(1, min(experiences, 1000)):
            texts.setdefault(1 + index * length, []).append(f"experience {index + 1} of {experiences} begins")
    for event in run.scenario.inners("event") or run.scenario.inners("events"):
        texts.setdefault(event.count("at"), []).append(_event(event))
    last = max((one.round for one in run.rounds), default=0)
    reached = sorted(at for at in texts if 0 < at <= last)
    return tuple(Mark(number, at, tuple(texts[at])) for number, at in enumerate(reached, start=1))


def _sight(run: Run, client: str) -> Sight:
    reports = [(one, one.reports[client]) for one in _all(run) if client in one.reports]
    reached = [one for one, report in reports if report.status in _REACHED_THE_SERVER]
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
        if report.status != "trained":
            when.setdefault((report.status, report.reason), []).append(one.round)
    return tuple(
        f"{status or 'unknown'} in {'round' if len(at) == 1 else 'rounds'} {spans(at)}{f': {reason}' if reason else ''}"
        for (status, reason), at in when.items()
    )


def _event(event: Fields) -> str:
    clients = event.values.get("clients")
    who = f", {_clients(clients)}" if isinstance(clients, list) and clients else ""
    details = "".join(f", {key} {event.text(key)}" for key in event if key not in _EVENT_KEYS and event.text(key))
    until = f", until round {event.count('until')}" if event.count("until") else ""
    return f"{event.text('kind')}{who}{details}{until}"


def _clients(clients: list[object]) -> str:
    if all(isinstance(client, int) and not isinstance(client, bool) for client in clients):
        return f"{'client' if len(clients) == 1 else 'clients'} {spans(int(str(client)) for client in clients)}"
    return ", ".join(map(str, clients))
