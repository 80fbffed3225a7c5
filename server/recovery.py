"""Going on after a kill at any moment: the checkpoint, the journal brought up to it, and what may have been lost."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from privacy.errors import RunFailed
from privacy.ledger import Ledger
from scenarios.schema import Scenario
from server import journal
from server.checkpoint import Checkpoint, Checkpoints
from server.directory import RunDirectory, write_bytes, write_json
from server.summary import ledgers_of


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


def recover(directory: RunDirectory, scenario: Scenario) -> Recovered | None:
    """Read what a run left behind; None where it has not begun. Raises RunFailed where it cannot go on."""
    try:
        kept = Checkpoints(directory.checkpoint).newest()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunFailed(f"{directory.checkpoint} cannot be read: {error}") from error
    if kept is None:
        if directory.journal.exists():
            raise RunFailed(f"{directory.journal} is there but its checkpoint is not: the run cannot go on")
        return None
    records = _mended_journal(directory, kept)
    ended = bool(records) and records[-1]["kind"] == "end"
    rounds = [record for record in records if record["kind"] == "round"]
    ledgers = {int(client): rows for client, rows in ledgers_of(rounds).items()}
    return Recovered(kept, str(records[-1]["hash"]), ended, ledgers, _interrupted(directory, scenario, kept.round))


def _mended_journal(directory: RunDirectory, kept: Checkpoint) -> list[journal.Record]:
    """Bring the journal to the checkpoint: drop a torn last line, append the line a kill kept from being written."""
    try:
        records = journal.read(directory.journal) if directory.journal.exists() else []
    except journal.TornLine as torn:
        records = torn.records
        whole = directory.journal.read_text(encoding="utf-8").split("\n")[:-1]
        write_bytes(directory.journal, "".join(line + "\n" for line in whole).encode())
    except ValueError as error:
        raise RunFailed(f"the journal cannot be read: {error}") from error
    if all(record.get("hash") != kept.line.hash for record in records):
        journal.append(directory.journal, kept.line)
        records.append(kept.line.record)
    return records


def _interrupted(directory: RunDirectory, scenario: Scenario, round_: int) -> int:
    """How often the round after `round_` was begun before and not finished.

    Seeded noise is drawn again bit for bit, so nothing more is released; under the system's entropy each attempt may
    have drawn noise of its own. Whether it did cannot be known, so every attempt counts.
    """
    if not scenario.system_noise:
        return 0
    path = directory.path / "attempts.json"
    earlier = json.loads(path.read_text()) if path.exists() else {"round": round_, "attempts": 0}
    attempts = int(earlier["attempts"]) + 1 if earlier["round"] == round_ else 1
    write_json(path, {"round": round_, "attempts": attempts})
    return attempts
