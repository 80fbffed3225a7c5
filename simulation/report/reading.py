"""A run directory's files, read into values that the report can rely on."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from privacy.errors import ScenarioError
from simulation.report.fields import Fields, parse


@dataclass(frozen=True)
class ClientReport:
    """How one client fared in one round: "trained", or why not."""

    status: str
    reason: str
    sent_bytes: int


@dataclass(frozen=True)
class Round:
    """One round as the journal holds it.

    `epsilon` is lifetime epsilon by client, infinite where nothing bounds it. `updates_seen` is false only where the
    run's files say that the server saw no single update and the sum was not one client's, or that nobody sent one.
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


@dataclass(frozen=True)
class Client:
    """A client's name, unique in its run, and how many records of each class it holds."""

    name: str
    records: int
    labels: Mapping[str, int]


@dataclass(frozen=True)
class Run:
    """Everything the report knows of a run. `note` says what of the journal could not be read, if anything.

    `abandoned` holds the rounds that failed: they made no model, yet clients sent what they sent.
    """

    manifest: Fields
    summary: Fields
    rounds: tuple[Round, ...]
    abandoned: tuple[Round, ...]
    clients: Mapping[str, Client]
    journal_hash: str
    note: str

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


def read_run(directory: Path) -> Run:
    """Read a run directory, whatever became of the run.

    Raises ScenarioError where there is no readable manifest.
    """
    path = directory / "manifest.json"
    try:
        manifest = parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError([f"{directory}: not a run directory: it has no readable manifest.json"]) from error
    except ValueError as error:
        raise ScenarioError([f"{path}: {error}"]) from error
    lines, note = _journal(directory / "journal.jsonl")
    hidden = manifest.inner("protection").flag("hides_updates")
    return Run(
        manifest=manifest,
        summary=_summary(directory / "summary.json", manifest.text("status")),
        rounds=tuple(_round(line, hidden) for line in lines if line.text("kind") == "round"),
        abandoned=tuple(_round(line, hidden) for line in lines if line.text("kind") == "round-failed"),
        clients=_clients(manifest.inner("clients")),
        journal_hash=lines[-1].text("hash") if lines else "",
        note=note,
    )


def _summary(path: Path, status: str) -> Fields:
    # A run that failed, was resumed and then killed still has the summary of its failure: its epsilon is too small.
    try:
        summary = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Fields()
    return summary if summary.text("status") == status else Fields()


def _journal(path: Path) -> tuple[list[Fields], str]:
    # A killed run may leave half a line at the end; what comes before it still counts.
    lines: list[Fields] = []
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return lines, "There is no journal, so nothing is known of single rounds."
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            lines.append(parse(line))
        except ValueError:
            return lines, f"The journal cannot be read from line {number} on; the figures end before it."
    return lines, ""


def _round(line: Fields, hidden: bool) -> Round:
    reports = {client: _report(line.inner("reports").inner(client)) for client in line.inner("reports")}
    seen = line.inner("seen")
    statuses = [report.status for report in reports.values()]
    alone = line.text("kind") == "round" and statuses.count("trained") == 1
    nobody = bool(statuses) and set(statuses) <= {"retired", "failed"}
    return Round(
        round=line.count("round"),
        accuracy=line.finite("accuracy"),
        loss=line.finite("loss"),
        epsilon=_epsilon(line.inner("epsilon")),
        reports=reports,
        sent_bytes=line.count("sent_bytes"),
        received_bytes=line.count("received_bytes"),
        seconds=line.finite("seconds") or 0.0,
        train_seconds=line.finite("train_seconds") or 0.0,
        # A sum of one client's update is that update; and what is not recorded as hidden counts as seen.
        updates_seen=not nobody and (alone or seen.values.get("updates", not hidden) is not False),
        metadata_seen=seen.texts("metadata"),
    )


def _report(report: Fields) -> ClientReport:
    return ClientReport(report.text("status"), report.text("reason"), report.count("sent_bytes"))


def _epsilon(values: Fields) -> dict[str, float]:
    # JSON has no infinity, and the safe reading of a missing bound is that there is none.
    numbers = {client: values.number(client) for client in values}
    return {client: math.inf if number is None else number for client, number in numbers.items()}


def _clients(values: Fields) -> dict[str, Client]:
    names = {key: values.inner(key).text("name") or f"client {key}" for key in values}
    repeated = {name for name, times in Counter(names.values()).items() if times > 1}
    clients = {}
    for key, name in names.items():
        one = values.inner(key)
        labels = one.inner("labels")
        clients[key] = Client(
            name=f"{name} ({key})" if name in repeated else name,
            records=one.count("records"),
            labels={label: labels.count(label) for label in labels},
        )
    return clients
