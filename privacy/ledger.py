"""The ledger: privacy charges as rows of data, added up, written and read.

What they come to is `privacy.accounting`'s matter, which computes epsilon from these rows and nothing else.
"""

import functools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_MOST_STEPS = 10**12
_MOST_ROWS = 10_000
_LONGEST_NAME = 200


@dataclass(frozen=True, order=True)
class Charge:
    """`steps` releases of one mechanism on one segment. Returned with the noise, so the two cannot part.

    `noise_multiplier` is sigma / clip_norm, `sampling_rate` the probability with which each record enters a step.
    """

    segment: str
    mechanism: str
    noise_multiplier: float
    sampling_rate: float
    steps: int


Ledger = tuple[Charge, ...]


def add(ledger: Ledger, charge: Charge) -> Ledger:
    """Append a charge; steps of an equal row are added up, so a ledger stays short over a long life."""
    if charge.steps == 0:
        return ledger
    key = (charge.segment, charge.mechanism, charge.noise_multiplier, charge.sampling_rate)
    rows = list(ledger)
    for index, row in enumerate(rows):
        if (row.segment, row.mechanism, row.noise_multiplier, row.sampling_rate) == key:
            rows[index] = Charge(*key, row.steps + charge.steps)
            return tuple(rows)
    return (*ledger, charge)


def add_all(ledger: Ledger, charges: Iterable[Charge]) -> Ledger:
    """Append one charge after another."""
    for charge in charges:
        ledger = add(ledger, charge)
    return ledger


def to_rows(ledger: Ledger) -> list[dict[str, object]]:
    """The rows as plain values."""
    return [dict(vars(row)) for row in ledger]


@functools.lru_cache(maxsize=1024)  # the clients of a round have few different ledgers among them
def to_json(ledger: Ledger) -> str:
    """Serialise rows as a JSON list of objects."""
    return json.dumps(to_rows(ledger))


def from_rows(rows: Iterable[Mapping[str, object]]) -> Ledger:
    """Read rows back, whoever wrote them. Raises ValueError on a row that is not a possible charge."""
    ledger = []
    for row in rows:
        try:
            charge = Charge(
                str(row["segment"]),
                str(row["mechanism"]),
                float(str(row["noise_multiplier"])),
                float(str(row["sampling_rate"])),
                int(str(row["steps"])),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a ledger row: {row!r}") from error
        possible = 0 < charge.sampling_rate <= 1 and 0 <= charge.noise_multiplier < math.inf
        if not possible or not 1 <= charge.steps <= _MOST_STEPS or len(charge.segment) > _LONGEST_NAME:
            raise ValueError("not a possible charge: rates lie in (0, 1], noise is finite, steps are counted")
        ledger.append(charge)
        if len(ledger) > _MOST_ROWS:
            raise ValueError(f"a ledger of more than {_MOST_ROWS} rows")
    return tuple(ledger)


@functools.lru_cache(maxsize=1024)
def from_json(text: str) -> Ledger:
    """Read what `to_json` wrote. Raises ValueError on any other text."""
    try:
        return from_rows(json.loads(text))
    except (TypeError, RecursionError, OverflowError) as error:
        raise ValueError("not a ledger") from error
