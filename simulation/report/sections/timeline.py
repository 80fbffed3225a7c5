"""What happens when in a run: experiences, the events of its scenario, and who is there in which rounds."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from simulation.report.files.fields import Fields
from simulation.report.files.run import Run
from simulation.report.wording import spans

EVERYBODY = "everybody"
"""The lane of an event that concerns all clients."""

MOST_EXPERIENCES = 1000
"""More than any scenario may have; what goes beyond is not believed."""

Interval = tuple[int, int]
"""A first and a last round."""

_EVENT_KEYS = ("kind", "at", "until", "clients")
_OVER = "over: "
_BEGINS = re.compile(r"experience \d+ begins")


@dataclass(frozen=True)
class Experience:
    """An experience that was reached, its number counted from 1, with its first and its last round."""

    number: int
    name: str
    first: int
    last: int


@dataclass(frozen=True)
class Mark:
    """Something that changed at a round, numbered in the order of the rounds."""

    number: int
    round: int
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Event:
    """An event of the scenario that was reached. `clients` are keys of the manifest's, None: everybody is concerned."""

    kind: str
    at: int
    until: int | None
    clients: tuple[str, ...] | None
    fields: Fields


def has_timeline(run: Run) -> bool:
    """Whether anything in the run's scenario changes over its rounds."""
    return bool(run.scenario.inner("stream")) or bool(events(run))


def names_of(run: Run, count: int) -> tuple[str, ...]:
    """The names of the first `count` experiences; one without a name is called by its number."""
    known = run.manifest.texts("experiences")[:count]
    return tuple(known) + tuple(f"experience {number}" for number in range(len(known) + 1, count + 1))


def experiences(run: Run) -> tuple[Experience, ...]:
    """The experiences that were reached, in their order; none without a stream."""
    stream = run.scenario.inner("stream")
    count, length = min(stream.count("experiences"), MOST_EXPERIENCES), stream.count("rounds_per_experience")
    if not count or not length:
        return ()
    reached = [number for number in range(1, count + 1) if (number - 1) * length + 1 <= run.last]
    names = names_of(run, len(reached))
    return tuple(
        Experience(number, name, (number - 1) * length + 1, number * length if number < len(reached) else run.last)
        for number, name in zip(reached, names, strict=True)
    )


def all_have_come(run: Run) -> bool:
    """Whether all experiences have begun, so that accuracy is over all test records; so it is without a stream."""
    planned = run.scenario.inner("stream").count("experiences")
    return not planned or len(experiences(run)) >= min(planned, MOST_EXPERIENCES)


def events(run: Run) -> tuple[Event, ...]:
    """The scenario's events that were reached, in the order in which it lists them."""
    found = run.scenario.inners("event") or run.scenario.inners("events")
    return tuple(_event(one) for one in found if 0 < one.count("at") <= run.last)


def marks(run: Run) -> tuple[Mark, ...]:
    """What events begin or end, by round: in the words of the journal, or else of the scenario."""
    texts: dict[int, list[str]] = {}
    for one in run.rounds:
        for text in one.events:
            if text.startswith(_OVER):
                _end(texts, text.removeprefix(_OVER), one.round - 1)
            elif not _BEGINS.fullmatch(text):
                texts.setdefault(one.round, []).append(text)
    if not texts:
        for event in events(run):
            texts.setdefault(event.at, []).append(_described(event.fields))
    return tuple(Mark(number, at, tuple(texts[at])) for number, at in enumerate(sorted(texts), start=1))


def presence(run: Run, clients: Iterable[str]) -> Mapping[str, tuple[Interval, ...]]:
    """In which rounds each of these clients was there, by the events that let clients come and go."""
    there: dict[str, list[Interval]] = {client: [(1, run.last)] if run.last else [] for client in clients}
    for event in events(run):
        for client in event.clients or ():
            if client not in there:
                continue
            if event.kind == "join":
                there[client] = _without(there[client], 1, event.at - 1)
            elif event.kind == "leave":
                there[client] = _without(there[client], event.at, event.until or run.last)
            elif event.kind == "unlearn" and not event.fields.texts("segments"):
                there[client] = _without(there[client], event.at, run.last)
    return {client: tuple(intervals) for client, intervals in there.items()}


def concerned(event: Event, client: str) -> bool:
    """Whether an event is about a client."""
    return event.clients is None or client in event.clients


def _event(fields: Fields) -> Event:
    listed = fields.values.get("clients")
    clients = tuple(map(str, listed)) if isinstance(listed, list) and listed else None
    return Event(fields.text("kind"), fields.count("at"), fields.count("until") or None, clients, fields)


def _end(texts: dict[int, list[str]], text: str, last: int) -> None:
    """Add to an event's text its last round."""
    for told in texts.values():
        if text in told:
            told[told.index(text)] = f"{text}, until round {last}"
            return


def _without(intervals: list[Interval], first: int, last: int) -> list[Interval]:
    """The intervals without the rounds from `first` to `last`."""
    left = [(begin, min(end, first - 1)) for begin, end in intervals]
    right = [(max(begin, last + 1), end) for begin, end in intervals]
    return sorted({(begin, end) for begin, end in left + right if begin <= end}) if last >= first else intervals


def _described(event: Fields) -> str:
    clients = event.values.get("clients")
    who = f", {_clients(clients)}" if isinstance(clients, list) and clients else ""
    details = "".join(f", {key} {event.text(key)}" for key in event if key not in _EVENT_KEYS and event.text(key))
    until = f", until round {event.count('until')}" if event.count("until") else ""
    return f"{event.text('kind')}{who}{details}{until}"


def _clients(clients: list[object]) -> str:
    if all(isinstance(client, int) and not isinstance(client, bool) for client in clients):
        return f"{'client' if len(clients) == 1 else 'clients'} {spans(int(str(client)) for client in clients)}"
    return ", ".join(map(str, clients))
