"""A client's own memory across rounds: the only file that touches Flower's `Context.state`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flwr.app import ConfigRecord, RecordDict

from privacy import ledger
from privacy.ledger import Ledger

RECORD = "fedcrucible.memory"


@dataclass(frozen=True)
class Memory:
    """What a client keeps: its privacy ledger, its secrets (signing key, encryption keys) and what it agreed to.

    `scenario` is the fingerprint of the scenario it was introduced with, `round` the last private round it trained.
    """

    ledger: Ledger = ()
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    scenario: str = ""
    round: int = 0


def recall(state: RecordDict) -> Memory:
    """Read the memory out of a client's state; an empty one on the client's first message."""
    record = state.get(RECORD)
    if not isinstance(record, ConfigRecord):
        return Memory()
    secrets = {
        key.removeprefix("secret."): value
        for key, value in record.items()
        if key.startswith("secret.") and isinstance(value, bytes)
    }
    last = record["round"]
    assert isinstance(last, int)
    return Memory(ledger.from_json(str(record["ledger"])), secrets, str(record["scenario"]), last)


def remember(state: RecordDict, memory: Memory) -> None:
    """Write the memory into a client's state, replacing what was there."""
    kept: dict[str, int | str | bytes] = {f"secret.{name}": value for name, value in memory.secrets.items()}
    kept |= {"ledger": ledger.to_json(memory.ledger), "scenario": memory.scenario, "round": memory.round}
    record = state.get(RECORD)
    if not isinstance(record, ConfigRecord) or record.keys() != kept.keys():
        state[RECORD] = ConfigRecord({**kept})
        return
    for name, value in kept.items():
        if record[name] != value:  # Flower checks whatever is set, and most of it is what it was
            record[name] = value
