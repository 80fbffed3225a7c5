"""How much noise a target epsilon takes: calibration of planned rows."""

import math
from collections.abc import Callable

from privacy.accounting import Accountant, epsilon
from privacy.ledger import Ledger

_CLOSE, _MOST_GUESSES = 1.0004, 8
"""How far beyond the line's end calibration guesses, and how often."""


def calibrate(rows_at: Callable[[float], Ledger], target: float, delta: float, accountant: Accountant = "rdp") -> float:
    """The smallest noise multiplier (to 0.1%, rounded up) whose planned rows cost at most `target`.

    `rows_at(noise_multiplier)` gives the planned ledger. Raises ValueError where even a noise multiplier of 1,000
    costs more.
    """
    low, high = 0.05, 1000.0

    def spent(noise: float) -> float:
        return epsilon(rows_at(noise), delta, accountant)

    if spent(high) > target:
        raise ValueError(f"epsilon {target} cannot be reached with a noise multiplier up to {high:g}")
    beyond, within = _around(spent, target, low, high)
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        if middle <= beyond or (middle < within and spent(middle) > target):
            low = middle
        else:
            high = middle
    return high


def _around(spent: Callable[[float], float], target: float, low: float, high: float) -> tuple[float, float]:
    """Noise known to spend more than the target (at least 0) and noise known not to; as a rule 0.1% apart or less.

    An evaluation takes tens of milliseconds, and halving alone takes fifteen of them. On logarithmic scales epsilon
    falls nearly along a line: to follow the line from guess to guess, each time a little beyond where it meets the
    target, takes about six.
    """
    beyond, within, noise, slope = 0.0, math.inf, 1.0, -1.3
    before: tuple[float, float] | None = None
    for _ in range(_MOST_GUESSES):
        value = spent(noise)
        beyond, within = (max(beyond, noise), within) if value > target else (beyond, min(within, noise))
        if within <= beyond * _CLOSE**2 or not 0 < value < math.inf:
            break
        here = math.log(noise), math.log(value / target)
        if before is not None and here[0] != before[0]:
            slope = min(-0.1, (here[1] - before[1]) / (here[0] - before[0]))
        before = here
        noise *= math.exp(min(20.0, -here[1] / slope)) * (_CLOSE if value > target else 1 / _CLOSE)
        noise = min(max(noise, low), high)
        if not beyond < noise < within:
            break
    return beyond, within
