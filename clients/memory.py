"""A client's own memory across rounds: the only file that touches Flower's `Context.state`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from flwr.app import ConfigRecord, RecordDict

from clients.replay import Kept
from privacy import ledger
from privacy.ledger import Ledger

RECORD = "fedcrucible.memory"


@dataclass(frozen=True)
class Memory:
    """What a client keeps: its privacy ledger, its secrets (signing key, encryption keys) and what it agreed to.

    `scenario` is the fingerprint of the scenario it was introduced with, `done` the tasks it did in `round`, the last
    private one. `replay` holds the past records that it still trains on.
    """

    ledger: Ledger = ()
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    scenario: str = ""
    round: int = 0
    done: tuple[str, ...] = ()
    replay: Kept = field(default_factory=dict)

    def has_done(self, round_: int, task: str) -> bool:
        """Whether a private task of this round, or any of a later one, was done before."""
        return round_ < self.round or (round_ == self.round and task in self.done)


def recall(state: RecordDict) -> Memory:
    """Read the memory out of a client's state; an empty one on the client's first message."""
    record = state.get(RECORD)
    if not isinstance(record, ConfigRecord):
        return Memory()
    last = record["round"]
    assert isinstance(last, int)
    return Memory(
        ledger=ledger.from_json(str(record["ledger"])),
        secrets=_under(record, "secret."),
        scenario=str(record["scenario"]),
        round=last,
        done=tuple(str(record["done"]).split()),
        replay={name: np.frombuffer(kept, np.int64) for name, kept in _under(record, "replay.").items()},
    )


def remember(state: RecordDict, memory: Memory) -> None:
    """Write the memory into a client's state, replacing what was there."""
    kept: dict[str, int | str | bytes] = {f"secret.{name}": value for name, value in memory.secrets.items()}
    kept |= {f"replay.{name}": records.tobytes() for name, records in memory.replay.items()}
    kept |= {"ledger": ledger.to_json(memory.ledger), "scenario": memory.scenario}
    kept |= {"round": memory.round, "done": " ".join(memory.done)}
    record = state.get(RECORD)
    if not isinstance(record, ConfigRecord) or record.keys() != kept.keys():
        state[RECORD] = ConfigRecord({**kept})
        return
    for name, value in kept.items():
        if record[name] != value:  # Flower checks whatever is set, and most of it is what it was
            record[name] = value


def _under(record: ConfigRecord, prefix: str) -> dict[str, bytes]:
    return {
        key.removeprefix(prefix): value
        for key, value in record.items()
        if key.startswith(prefix) and isinstance(value, bytes)
    }
