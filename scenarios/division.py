"""Which record is whose and when: a global test set, a share of the rest for every client, in segments."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from privacy.errors import ScenarioError
from scenarios.datasets.dataset import Dataset, Labels
from scenarios.events import DriftEvent, NewSegment, PoisonEvent
from scenarios.partitions import AnyPartition, Natural
from scenarios.schema import Scenario
from scenarios.seeds import stream
from scenarios.segments import WHOLE_LIFE, Holdings, Segment, holding
from scenarios.streams import Experiences

_VERBS = {"test": "test", "validation": "choose"}


@dataclass(frozen=True, eq=False)
class Division:
    """`holdings` are the segments of each client, `test` int64[m] the sorted indices of the server's records.

    `validation` int64[v], too, are the server's: to choose settings by, so that the test set stays unseen; maybe none.
    No two share a record. Every record, held out or not, is of one of the `experiences`.
    """

    holdings: Holdings
    test: Labels
    validation: Labels
    experiences: Experiences

    @functools.cached_property
    def train(self) -> tuple[Labels, ...]:
        """All records of each client, sorted, whenever they arrive."""
        return tuple(np.sort(np.concatenate([segment.records for segment in own])) for own in self.holdings)


def divide(scenario: Scenario, dataset: Dataset) -> Division:
    """Set a share of the records aside at random, share out the rest, and cut each share into segments.

    The test set is one for all clients and depends neither on the partition nor on the validation split, which is cut
    off the rest. Raises ScenarioError where a side would be empty, or the partition, the stream or a new segment cannot
    be made.
    """
    data, seed = scenario.data, scenario.seed
    train, test = _held_out(np.arange(len(dataset)), data.test_fraction, seed, "test")
    validation = np.zeros(0, np.int64)
    if data.validation_fraction:
        train, validation = _held_out(train, data.validation_fraction, seed, "validation")
    shares = _shares(dataset, data.partition, train, seed, scenario.federation.clients)
    experiences = _experiences(scenario, dataset)
    holdings = tuple(tuple(_segments(scenario, experiences, client, share)) for client, share in enumerate(shares))
    _require_named_apart(scenario, experiences)
    _require_known(scenario, holdings)
    _require_possible(scenario, dataset)
    _require_tested(scenario, experiences, test)
    return Division(holdings, test, validation, experiences)


def _held_out(records: Labels, fraction: float, seed: int, purpose: str) -> tuple[Labels, Labels]:
    """Divide records into those that are left and a share that is held out for a purpose, both sorted."""
    count = round(len(records) * fraction)
    if not 0 < count < len(records):
        what = f"{fraction:g} of {len(records)} records leaves nothing to {_VERBS[purpose]} on or to train on"
        raise ScenarioError([f"data.{purpose}_fraction: {what}"])
    order = stream(seed, "data", purpose).permutation(records)
    return np.sort(order[count:]), np.sort(order[:count])


def _shares(dataset: Dataset, partition: AnyPartition, train: Labels, seed: int, clients: int) -> Sequence[Labels]:
    key = partition.key(dataset.keys) if isinstance(partition, Natural) else None
    groups = key.values[train] if key is not None else None
    shares = partition.assign(dataset.labels[train], groups, clients, stream(seed, "data", "partition"))
    return [train[share] for share in shares]


def _experiences(scenario: Scenario, dataset: Dataset) -> Experiences:
    if scenario.stream is None:
        return Experiences(np.ones(len(dataset), np.int64), (WHOLE_LIFE,), (None,))
    return scenario.stream.divide(dataset, stream(scenario.seed, "data", "stream"))


def _segments(scenario: Scenario, experiences: Experiences, client: int, share: Labels) -> Iterator[Segment]:
    """A client's records by experience, in their order; what events announce is cut off the experience they fall in."""
    for number, name in enumerate(experiences.names, start=1):
        rest = share[experiences.of[share] == number]
        announced = []
        for event in _announcing(scenario, client, number):
            rng = stream(scenario.seed, "data", "client", client, "segment", event.name)
            count, order = round(len(rest) * event.share), rng.permutation(rest)
            if not 0 < count < len(rest):
                what = f"{event.share:g} of the {len(rest)} records of client {client}"
                raise ScenarioError([f"event: new segment {event.name!r}: {what} leaves one side without any"])
            rest = np.sort(order[count:])
            announced.append(holding(event.name, number, True, order[:count]))
        if len(rest):
            yield holding(name, number, False, rest)
        yield from announced


def _announcing(scenario: Scenario, client: int, experience: int) -> list[NewSegment]:
    """The events that bring a client a segment of an experience."""
    events = [event for event in scenario.event if isinstance(event, NewSegment) and client in event.clients]
    if scenario.stream is None:
        return events
    return [event for event in events if scenario.stream.experience_at(event.at) == experience]


def _require_named_apart(scenario: Scenario, experiences: Experiences) -> None:
    """Raise ScenarioError where a new segment is called what an experience is: both would be accounted as one."""
    for number, event in enumerate(scenario.event):
        if isinstance(event, NewSegment) and event.name in experiences.names:
            raise ScenarioError(
                [f"event[{number}].name: {event.name!r} is what data are called that come by themselves"]
            )


def _require_known(scenario: Scenario, holdings: Holdings) -> None:
    """Raise ScenarioError where an event is about a segment that a client never has."""
    for number, event in enumerate(scenario.event):
        if event.kind != "unlearn":
            continue
        for client, name in sorted(event.targets):
            names = [segment.name for segment in holdings[client]]
            if name and name not in names:
                listed = ", ".join(map(repr, names))
                raise ScenarioError(
                    [f"event[{number}].segments: client {client} has no segment {name!r}; it has {listed}"]
                )


def _require_possible(scenario: Scenario, dataset: Dataset) -> None:
    """Raise ScenarioError where an event changes records in a way that they cannot be changed."""
    for number, event in enumerate(scenario.event):
        if not isinstance(event, DriftEvent | PoisonEvent):
            continue
        reason = event.applied.shift.refusal(dataset.shape, len(dataset.classes))
        if reason is not None:
            raise ScenarioError([f"event[{number}]: {reason}"])


def _require_tested(scenario: Scenario, experiences: Experiences, test: Labels) -> None:
    """Raise ScenarioError where an experience has no test record, so that nobody could say what is forgotten of it."""
    missing = set(range(1, len(experiences.names) + 1)) - set(experiences.of[test].tolist())
    if missing:
        name = experiences.names[min(missing) - 1]
        raise ScenarioError(
            [f"stream.experiences: no test record is of {name!r}; raise data.test_fraction or have fewer"]
        )
