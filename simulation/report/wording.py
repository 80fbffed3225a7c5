"""Numbers as a reader meets them."""

import math
from collections.abc import Iterable
from itertools import pairwise

from scenarios.values import counted

NONE = "not recorded"

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def percent(share: float | None) -> str:
    """0.8731 as "87.3%"."""
    return NONE if share is None or not math.isfinite(share) else f"{share:.1%}"


def points(share: float) -> str:
    """0.549 as "54.9 points": a difference of percentages."""
    return f"{100 * share:.1f} points"


def decimal(value: float | None) -> str:
    """Three digits behind the point."""
    return NONE if value is None else f"{value:.3f}"


def significant(value: float | None) -> str:
    """A measured value to three significant digits; infinity as its sign."""
    if value is None:
        return NONE
    if math.isinf(value):
        return "∞"
    if value == 0:
        return "0"
    if not 0.001 <= abs(value) < 1e9:
        return _power(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.3g}".removesuffix(".")


def stated(value: float) -> str:
    """A value that a person chose, with no more digits than it was written with."""
    return f"{value:g}" if 0.001 <= abs(value) < 1e6 or value == 0 else _power(value)


def equals(symbol: str, value: str) -> str:
    """A symbol and its value, with spaces at which no line breaks."""
    return f"{symbol}\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{value}"


def factor(epsilon: float) -> str:
    """How far epsilon lets a probability move: e to its power."""
    return significant(math.exp(epsilon) if epsilon < 700 else math.inf)


def size(count: float) -> str:
    """Bytes in powers of ten: 12345678 as "12.3 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB"


def duration(seconds: float) -> str:
    """Seconds as "85 ms", "4.2 s", "3 min 20 s" or "1 h 5 min"."""
    if not math.isfinite(seconds):
        return NONE
    if 0 < seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def number_of(count: int, noun: str) -> str:
    """1 and "round" as "1 round", 1200 and "round" as "1,200 rounds"."""
    return counted(f"{count:,}", noun)


def spans(numbers: Iterable[int], to: str = "–") -> str:
    """Ascending whole numbers as spans: 3, 4, 5, 9 as "3-5, 9", as a rule with an en dash."""
    ordered = sorted(set(numbers))
    starts = ordered[:1] + [after for before, after in pairwise(ordered) if after != before + 1]
    ends = [before for before, after in pairwise(ordered) if after != before + 1] + ordered[-1:]
    return ", ".join(
        str(start) if start == end else f"{start}{to}{end}" for start, end in zip(starts, ends, strict=True)
    )


def _power(value: float) -> str:
    mantissa, exponent = f"{value:.2e}".split("e")
    power = "10" + str(int(exponent)).translate(_RAISED)
    digits = mantissa.rstrip("0").rstrip(".")
    return power if digits == "1" else f"{digits}·{power}"
