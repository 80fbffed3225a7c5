"""The whole data set, as the features a scenario's model takes, and which records of it are whose."""

import functools
from dataclasses import dataclass

from scenarios.concepts import Appearances
from scenarios.plans import scenario_of
from scenarios.records import appearances_of, records_of
from scenarios.segments import Holdings


@dataclass(frozen=True)
class Resident:
    """All records as they may be seen, loaded once a process and never copied; each client's segments of them.

    `classes` says how many classes there are.
    """

    appearances: Appearances
    holdings: Holdings
    classes: int


@functools.lru_cache(maxsize=2)
def resident(scenario: str) -> Resident:
    """The data of a scenario, given as the JSON that every plan of a run carries."""
    parsed = scenario_of(scenario)
    records = records_of(parsed)
    return Resident(appearances_of(parsed), records.division.holdings, len(records.dataset.classes))
