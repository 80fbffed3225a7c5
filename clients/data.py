"""The whole data set, as the features a scenario's model takes, and which records of it are whose."""

import functools
import hashlib
from dataclasses import dataclass
from typing import Any

from scenarios.concepts import Appearances
from scenarios.plans import scenario_of
from scenarios.records import Records, appearances_of, records_of
from scenarios.schema import Scenario
from scenarios.segments import Holdings


@dataclass(frozen=True)
class Resident:
    """All records as they may be seen, loaded once a process and never copied; each client's segments of them.

    `classes` says how many classes there are. `identity` names all that decides what clients release: SHA-256 over
    scenario and data. Noise is named after it, so that runs share none unless they release the very same.
    """

    appearances: Appearances
    holdings: Holdings
    classes: int
    identity: str


@functools.lru_cache(maxsize=2)
def resident(scenario: str) -> Resident:
    """The data of a scenario, given as the JSON that every plan of a run carries."""
    parsed = scenario_of(scenario)
    records = records_of(parsed)
    return Resident(
        appearances_of(parsed), records.division.holdings, len(records.dataset.classes), _identity(parsed, records)
    )


def _identity(scenario: Scenario, records: Records) -> str:
    """Where the data come from does not matter beside what they are.

    A protection acts on releases, but one that rounds sums gives other models to train on in the next round: under the
    same noise the difference of two releases would be that of their gradients alone.
    """
    beside: dict[str, Any] = {"name": True, "question": True, "audit": True, "data": {"dataset": True}}
    if not scenario.protection.hides_updates:
        beside["protection"] = True
    told = scenario.model_dump_json(exclude=beside)
    return hashlib.sha256(f"{records.dataset.fingerprint} {told}".encode()).hexdigest()
