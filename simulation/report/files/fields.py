"""Forgiving access to JSON that another version, or a run cut short, may have written."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_LARGEST = 2**53
"""The largest whole number that the page's scripts can count; a larger one in a file is no count of anything."""


@dataclass(frozen=True)
class Fields:
    """A JSON object read key by key: a missing key or a value of another type reads as None or as empty."""

    values: Mapping[str, object] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """A string; numbers and flags are spelt out, anything else is empty."""
        value = self.values.get(key)
        return str(value) if isinstance(value, str | int | float) else ""

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings; an object in it is spelt as JSON."""
        return tuple(item if isinstance(item, str) else json.dumps(item) for item in self._list(key))

    def number(self, key: str) -> float | None:
        """A float, infinite where the file says so or where its size is beyond all measure; NaN reads as None."""
        value = self.values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            return None
        return float(value) if abs(value) <= _LARGEST else math.copysign(math.inf, value > 0 or -1)

    def finite(self, key: str) -> float | None:
        """A number that can be drawn and added up; None where there is none."""
        value = self.number(key)
        return value if value is not None and math.isfinite(value) else None

    def count(self, key: str) -> int:
        """A whole number, not negative; 0 where there is none."""
        return max(0, int(self.finite(key) or 0))

    def shares(self, key: str) -> tuple[float | None, ...]:
        """A list of shares between 0 and 1; None in the place of anything else."""
        numbers = [Fields({"": item}).finite("") for item in self._list(key)]
        return tuple(one if one is not None and 0 <= one <= 1 else None for one in numbers)

    def tables(self, key: str) -> tuple[tuple[float | None, ...], ...]:
        """A list of lists of shares; a list in it that is none is left out."""
        return tuple(Fields({"": item}).shares("") for item in self._list(key) if isinstance(item, list))

    def flag(self, key: str) -> bool:
        """True only for JSON's true."""
        return self.values.get(key) is True

    def inner(self, key: str) -> "Fields":
        """An object inside this one."""
        value = self.values.get(key)
        return Fields(value) if isinstance(value, dict) else Fields()

    def inners(self, key: str) -> "tuple[Fields, ...]":
        """The objects of a list."""
        return tuple(Fields(item) for item in self._list(key) if isinstance(item, dict))

    def __iter__(self) -> Iterator[str]:
        """The keys, in the file's order."""
        return iter(self.values)

    def __bool__(self) -> bool:
        return bool(self.values)

    def _list(self, key: str) -> list[object]:
        value = self.values.get(key)
        return value if isinstance(value, list) else []


def parse(text: str) -> Fields:
    """Read one JSON object. Raises ValueError for anything else, also for one nested beyond reading."""
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():
            # Half a surrogate pair is no character: neither a file nor a chart could hold it.
            value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return Fields(value)
