"""Findings: what was tried against a run and what came of it, as data that explain themselves."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

_TEXTS = ("kind", "statement", "figure", "made_by")
_NUMBERS = ("value", "low", "high", "confidence")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One result of one audit.

    `statement` says it in words, together with what it rests on and what it does not show. `figure` names `value`, and
    [`low`, `high`] is where it lies with `confidence`; None is no such number or, at an open end, no limit. `facts` are
    what it was computed from, `made_by` the module and function that did it with the streams of `seed`.
    `contradiction` says that a promise of the run cannot be true.
    """

    kind: str
    statement: str
    figure: str
    value: float | None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    facts: Mapping[str, object]
    seed: int
    made_by: str
    contradiction: bool = False


def to_table(finding: Finding) -> dict[str, object]:
    """The finding as plain values for JSON, which has no word for infinity: null stands for it."""
    return {name: _plain(value) for name, value in asdict(finding).items()}


def to_json(finding: Finding) -> str:
    """One line of `findings.jsonl`; the same finding gives the same bytes."""
    return json.dumps(to_table(finding), sort_keys=True, allow_nan=False)


def from_json(text: str) -> Finding:
    """Read what `to_json` wrote. Raises ValueError on any other text."""
    try:
        table = json.loads(text)
    except RecursionError as error:
        raise ValueError("not a finding: nested too deeply") from error
    names = {field.name for field in fields(Finding)}
    if not isinstance(table, dict) or table.keys() != names:
        raise ValueError(f"a finding is an object with the keys {', '.join(sorted(names))}")
    sound = (
        all(isinstance(table[name], str) for name in _TEXTS)
        and all(_is_number_or_none(table[name]) for name in _NUMBERS)
        and isinstance(table["facts"], dict)
        and isinstance(table["contradiction"], bool)
        and isinstance(table["seed"], int)
        and not isinstance(table["seed"], bool)
    )
    if not sound:
        raise ValueError("a finding has a value of a wrong type")
    return Finding(**table)


def _is_number_or_none(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value))


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
