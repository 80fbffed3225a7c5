"""Pydantic's refusals of a scenario, in plain words and with the valid choices."""

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from scenarios import shape
from scenarios.shape import Place
from scenarios.toml_lines import KeyPath, written


@dataclass(frozen=True)
class Refusal:
    """One problem of a file: the key, and what words the reason (not called for what is never shown)."""

    path: KeyPath
    reason: Callable[[], str]


def refusals(error: ValidationError, values: dict[str, object]) -> list[Refusal]:
    """Every problem of a file with these values."""
    found = error.errors(include_url=False)
    # Pydantic counts only a list's valid items, so a bad item may also make the list too short.
    around = {details["loc"][:length] for details in found for length in range(len(details["loc"]))}
    return [_refusal(details, values) for details in found if details["loc"] not in around]


def got(value: object) -> str:
    """A value as a message names it: short, on one line, whatever it is."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 64 else "a number of more than 64 bits"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else "a number that is not finite"
    if isinstance(value, str):
        return repr(value) if len(value) <= 40 else f"{value[:40]!r}..."
    if isinstance(value, dict):
        return "a table"
    return f"a list of {len(value)}" if isinstance(value, list) else "a date or time"


def _refusal(details: ErrorDetails, values: dict[str, object]) -> Refusal:
    path = shape.without_tags(details["loc"])
    table_has_kind = isinstance(details["input"], dict) and details["type"] == "union_tag_invalid"
    key = (*path, "kind") if table_has_kind else path
    return Refusal(key, lambda: _reason(details, path, values))


def _reason(details: ErrorDetails, path: KeyPath, values: dict[str, object]) -> str:
    place, value = shape.at(path, values), details["input"]
    match details["type"]:
        case "extra_forbidden":
            return _unknown_key(path, values)
        case "union_tag_invalid" if place is not None:
            kind = value.get("kind") if isinstance(value, dict) else value
            return _unknown_kind(kind, place)
        case "literal_error" if path[-1] == "kind":
            parent = shape.at(path[:-1], values)
            return _unknown_kind(value, parent) if parent is not None else details["msg"]
        case "union_tag_not_found" if place is not None:
            return f"needs a kind, one of: {shape.listed(place.kinds)}"
        case "value_error":
            return details["msg"].removeprefix("Value error, ")
        case "missing":
            return f"missing; expected {place.expected}" if place is not None and place.expected else "missing"
        case "conflict":
            return details["msg"]
        case _ if place is not None and place.expected:
            return f"expected {place.expected}, not {got(value)}"
        case _:
            return details["msg"]


def _unknown_key(path: KeyPath, values: dict[str, object]) -> str:
    table = shape.at(path[:-1], values) or shape.root()
    here: object = values
    for part in path[:-1]:
        here = here[part] if isinstance(here, dict | list) else None  # type: ignore[index]  # pydantic walked it
    settled, key = table.settled(here), str(path[-1])
    owners = [kind for kind, place in table.kinds.items() if key in place.keys]
    if owners:
        return f"a key of kind {', '.join(owners)} only; valid keys here: {shape.listed(settled.keys)}"
    return f"unknown key{_did_you_mean(key, settled.keys)}; valid keys: {shape.listed(settled.keys)}"


def _unknown_kind(kind: object, place: Place) -> str:
    meant = _did_you_mean(kind, place.kinds) if isinstance(kind, str) else ""
    return f"unknown kind {got(kind)}{meant}; valid kinds: {shape.listed(place.kinds)}"


def _did_you_mean(word: str, choices: Iterable[str]) -> str:
    # Comparing is quadratic in the length, and nobody means a word this long.
    close = difflib.get_close_matches(word, list(choices), n=1) if len(word) <= 64 else []
    return f", did you mean {close[0]!r}?" if close else ""


def line(place: str, path: KeyPath, reason: str) -> str:
    """One problem as it is shown: where, which key, why. Nothing in it can break the line."""
    key = f" {written(path)}:" if path else ""
    return f"{place}:{key} {' '.join(reason.split())}"
