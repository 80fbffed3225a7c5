"""What the report knows of a run, as values that it can rely on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from simulation.report.files.fields import Fields


@dataclass(frozen=True)
class ClientReport:
    """How one client fared in one round: "trained", or why not. `ledger` holds its rows after the round, unchecked.

    `then` has the status and the reason of each later task of the round that it was asked for, by the task's name.
    """

    status: str
    reason: str
    sent_bytes: int
    weight: float | None
    ledger: tuple[Fields, ...] = ()
    then: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def added(self) -> bool:
        """Whether the update is in the round's sum; one without weight is nothing but zeros there."""
        return self.status == "trained" and self.weight != 0

    @property
    def sent_nothing(self) -> bool:
        """Whether no update left the client: a retired one says so and no more."""
        # A reply that comes too late is lost to the sum, but the server has it.
        return self.statuses <= {"retired", "failed"} or (self.statuses == {"dropped"} and not self.sent_bytes)

    @property
    def statuses(self) -> set[str]:
        """How it fared in each task of the round that it was asked for."""
        return {self.status, *(status for status, _ in self.then.values())}


@dataclass(frozen=True)
class Round:
    """One round as the journal holds it.

    `epsilon` is lifetime epsilon by client, infinite where nothing bounds it. `updates_seen` is false only where the
    run's files say that the server saw no single update and the sum was not one client's, or that nobody sent one.
    With a stream, `experience` counts from 1 and `by_experience` is the accuracy on each, come or not; `over` is true
    in the last round of an experience. `majority` is the share of the most common class among the records that the
    accuracy is of. `events` are sentences on what begins or ends in the round, `backdoor` is the
    success of a planted one.
    """

    round: int
    accuracy: float | None
    loss: float | None
    epsilon: Mapping[str, float]
    reports: Mapping[str, ClientReport]
    sent_bytes: int
    received_bytes: int
    seconds: float
    train_seconds: float
    updates_seen: bool
    metadata_seen: tuple[str, ...]
    events: tuple[str, ...] = ()
    experience: int = 0
    by_experience: tuple[float | None, ...] = ()
    over: bool = False
    backdoor: float | None = None
    majority: float | None = None
    stopped: str = ""


@dataclass(frozen=True)
class Client:
    """A client's name, unique in its run, and how many records of each class it holds.

    `segments` gives the experience of each piece of its data by name, where the manifest names pieces.
    """

    name: str
    records: int
    labels: Mapping[str, int]
    segments: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """Everything the report knows of a run. `note` says what of the journal could not be read, if anything, and
    `broken` the first thing recorded that does not hold.

    `abandoned` holds the rounds that failed: they made no model, yet clients sent what they sent. `start` is the
    journal's first line, `matrix` what `matrix.json` says of a run that is completed, `messages` what travelled, by
    line of the journal.
    """

    manifest: Fields
    summary: Fields
    matrix: Fields
    start: Fields
    rounds: tuple[Round, ...]
    abandoned: tuple[Round, ...]
    clients: Mapping[str, Client]
    messages: tuple[tuple[Fields, ...], ...]
    journal_hash: str
    note: str
    broken: str = ""

    @property
    def scenario(self) -> Fields:
        """The parsed scenario."""
        return self.manifest.inner("scenario")

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the data set's order."""
        return self.manifest.inner("dataset").texts("classes")

    @property
    def unit(self) -> str:
        """Whose presence the guarantee hides: "record" or "client"."""
        return self.manifest.inner("guarantee").text("unit") or "record"

    @property
    def budget(self) -> float | None:
        """The epsilon at which the scenario's budget is spent, if it sets one."""
        return self.scenario.inner("privacy").inner("budget").finite("epsilon")

    @property
    def delta(self) -> float | None:
        """The delta that every epsilon of this run goes with."""
        stated = self.summary.inner("epsilon").finite("delta")
        return stated if stated is not None else self.scenario.inner("privacy").finite("delta")

    @property
    def last(self) -> int:
        """The last round that was played; 0 where none was."""
        return max((one.round for one in self.rounds), default=0)

    @property
    def completed(self) -> bool:
        """Whether the run came to its end."""
        return self.manifest.text("status") == "completed"

    @property
    def epsilon(self) -> Mapping[str, float]:
        """What each client has spent by the summary, or else by its last round; empty without privacy."""
        latest: dict[str, float] = {}
        for one in self.rounds:
            latest.update(one.epsilon)
        spent = self.summary.inner("epsilon").inner("per_client")
        for client in spent:
            value = spent.inner(client).number("max")
            latest[client] = math.inf if value is None else value
        return latest

    @property
    def accountant(self) -> str:
        """The accountant of the figures over the whole run, "rdp" or "prv"; empty where it is not recorded."""
        return self.summary.inner("epsilon").text("accountant") or self.manifest.inner("guarantee").text("accountant")

    @property
    def most_exposed(self) -> tuple[str, float] | None:
        """The client that spent most and its epsilon; the first of equals."""
        latest = self.epsilon
        if not latest:
            return None
        key = max(latest, key=lambda key: latest[key])
        return key, latest[key]

    def name_of(self, client: str) -> str:
        """A client's name; a client that the manifest does not list is called by its number."""
        return self.clients[client].name if client in self.clients else f"client {client}"
