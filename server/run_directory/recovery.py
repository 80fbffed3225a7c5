"""Going on after a kill at any moment: the checkpoint, the journal brought up to it, and what may have been lost."""

from collections.abc import Mapping
from dataclasses import dataclass

from privacy.errors import ScenarioError
from privacy.ledger import Ledger
from scenarios.schema import Scenario
from server.run_directory import journal
from server.run_directory.checkpoint import Checkpoint, Checkpoints
from server.run_directory.files import RunDirectory, read_json, write_bytes, write_json
from server.run_directory.summary import ledgers_of


@dataclass(frozen=True)
class Recovered:
    """A run's newest checkpoint, the hash of its journal's last line, and whether that line ended the run.

    `ledgers` are those that the journal's rounds left, of the clients that were asked in any. `interrupted` counts the
    attempts at the next round whose noise may have been drawn and lost.
    """

    checkpoint: Checkpoint
    head: str
    ended: bool
    ledgers: Mapping[int, Ledger]
    interrupted: int


def require_resumable(directory: RunDirectory) -> None:
    """Raise ScenarioError, naming the file, where a run could not go on from what is there; nothing is written."""
    _read(directory)
    _attempts(directory)


def recover(directory: RunDirectory, scenario: Scenario) -> Recovered | None:
    """Bring the journal to the checkpoint, and say what both hold; None where the run has not begun.

    A torn last line is dropped, and the line that a kill kept from being written is appended. Raises ScenarioError as
    `require_resumable`.
    """
    found = _read(directory)
    if found is None:
        return None
    kept, records, torn = found
    if torn:
        whole = directory.journal.read_text(encoding="utf-8").split("\n")[:-1]
        write_bytes(directory.journal, "".join(line + "\n" for line in whole).encode())
    if all(record.get("hash") != kept.line.hash for record in records):
        journal.append(directory.journal, kept.line)
        records.append(kept.line.record)
    ended = records[-1]["kind"] == "end"
    rounds = [record for record in records if record["kind"] == "round"]
    ledgers = {int(client): rows for client, rows in ledgers_of(rounds).items()}
    return Recovered(kept, str(records[-1]["hash"]), ended, ledgers, _interrupted(directory, scenario, kept.round))


def _read(directory: RunDirectory) -> tuple[Checkpoint, list[journal.Record], bool] | None:
    """The checkpoint, the journal's whole lines, and whether its last one is torn; None where nothing has begun."""
    try:
        records, torn = _journalled(directory)
        kept = Checkpoints(directory.checkpoint).newest()
    except (OSError, ValueError) as error:
        raise ScenarioError([str(error)]) from error
    if kept is None:
        if directory.journal.exists():
            raise ScenarioError([f"{directory.journal} is there but its checkpoint is not: the run cannot go on"])
        return None
    hashes = [record.get("hash") for record in records]
    if kept.line.hash not in hashes and kept.line.record["previous"] != (hashes[-1] if hashes else journal.GENESIS):
        problem = "does not lead to the round of the checkpoint: lines are missing, or one of the two is another run's"
        raise ScenarioError([f"{directory.journal}: {problem}"])
    return kept, records, torn


def _journalled(directory: RunDirectory) -> tuple[list[journal.Record], bool]:
    """Raises ValueError where the journal was changed: what is added to it could never be verified."""
    torn = False
    try:
        records = journal.read(directory.journal) if directory.journal.exists() else []
    except journal.TornLine as error:
        records, torn = error.records, True
    found = journal.problems(records)
    if found:
        raise ValueError(f"{directory.journal}: {found[0]}; a run that goes on from it could never be verified")
    return records, torn


def _interrupted(directory: RunDirectory, scenario: Scenario, round_: int) -> int:
    """How often the round after `round_` was begun before and not finished.

    Seeded noise is drawn again bit for bit, so nothing more is released; under the system's entropy each attempt may
    have drawn noise of its own. Whether it did cannot be known, so every attempt counts.
    """
    if not scenario.system_noise:
        return 0
    earlier, before = _attempts(directory)
    attempts = before + 1 if earlier == round_ else 1
    write_json(directory.attempts, {"round": round_, "attempts": attempts})
    return attempts


def _attempts(directory: RunDirectory) -> tuple[int, int]:
    """The last round after which the next was tried again, and how often; -1 and 0 where none was."""
    if not directory.attempts.exists():
        return -1, 0
    try:
        told = read_json(directory.attempts)
    except (OSError, ValueError) as error:
        raise ScenarioError([f"{directory.attempts}: cannot be read: {error}"]) from error
    round_, attempts = told.get("round"), told.get("attempts")
    if not (type(round_) is int and type(attempts) is int and attempts > 0):
        raise ScenarioError([f"{directory.attempts}: does not say how often a round was tried"])
    return round_, attempts
