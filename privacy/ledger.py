"""The ledger: privacy charges as rows of data, and epsilon computed from rows alone.

**Guarantee.** (epsilon, delta)-differential privacy of everything released from the charged segment, under
add-or-remove of one record, given Poisson sampling at the stated rate (each record enters each step's batch
independently) and Gaussian noise of standard deviation `noise_multiplier * clip_norm` on the sum of per-record
gradients clipped to `clip_norm`. The number of records of a client is treated as public. Rows of one segment compose;
over segments that share no record the worst one counts (parallel composition).
"""

import functools
import importlib.util
import json
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

Accountant = Literal["rdp", "prv"]

ORDERS = tuple([1 + x / 10.0 for x in range(1, 100)] + list(range(12, 64)))
"""Renyi orders, those of Opacus' `RDPAccountant.DEFAULT_ALPHAS`."""

_WHOLE_ORDERS = tuple(order for order in ORDERS if float(order).is_integer())

_LEAST_NOISE = 1e-3
"""Below this the arithmetic overflows, and epsilon is beyond a million: as good as none."""

_CLOSE, _MOST_GUESSES = 1.0004, 8
"""How far beyond the line's end calibration guesses, and how often."""

_MOST_STEPS = 10**12
_MOST_ROWS = 10_000
_LONGEST_NAME = 200
_PRV_NOISE_FLOOR = 0.5
_PRV_ERROR = 0.01


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

Rows = tuple[tuple[float, float, int], ...]
"""Noise multiplier, sampling rate and steps of what one segment is charged with."""


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


def epsilon(ledger: Ledger, delta: float, accountant: Accountant = "rdp") -> float:
    """The lifetime epsilon of a client: the maximum over its segments. 0.0 for an empty ledger."""
    return max(epsilon_by_segment(ledger, delta, accountant).values(), default=0.0)


def epsilon_by_segment(ledger: Ledger, delta: float, accountant: Accountant = "rdp") -> dict[str, float]:
    """Epsilon of each segment's rows, composed over the whole life of the data.

    "prv" is tighter (Gopi et al. 2021, arXiv 2106.02848) and, by construction, within 0.01 of exact; where noise is too
    low for its numerics the Renyi bound, which always holds, is given instead.
    """
    compose = _composition(accountant)
    return {name: compose(rows, delta) for name, rows in _by_segment(ledger).items()}


def largest(ledgers: Iterable[Ledger], delta: float, accountant: Accountant = "rdp") -> float:
    """The largest lifetime epsilon of many clients, as `epsilon` gives each. 0.0 of none.

    Only those are reckoned to the end whose bound over whole orders, which is quick to tell, exceeds what is known.
    """
    compose, most = _composition(accountant), 0.0
    charged = {rows for ledger in ledgers for rows in _by_segment(ledger).values()}
    for bound, rows in sorted(((_epsilon_over_whole_orders(rows, delta), rows) for rows in charged), reverse=True):
        if bound <= most:
            break
        most = max(most, compose(rows, delta))
    return most


def composed(runs: Iterable[Iterable[Ledger]], delta: float) -> float:
    """Epsilon of a record over several runs, of whose clients' ledgers each run has one.

    Nothing is assumed on whose the record was in a run: at each order the run's worst segment counts. Renyi divergences
    at one order add up over runs, also where one was chosen after looking at another (adaptive composition).
    """
    charged = [{rows for ledger in run for rows in _by_segment(ledger).values()} for run in runs]
    if any(noise < _LEAST_NOISE for run in charged for rows in run for noise, _, _ in rows):
        return math.inf
    if not any(charged):
        return 0.0
    return _least_epsilon(
        lambda order: sum(max((_rdp(rows, order) for rows in run), default=0.0) for run in charged), delta
    )


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


def _composition(accountant: Accountant) -> Callable[[Rows, float], float]:
    return _epsilon_prv if accountant == "prv" else _epsilon_rdp


def _by_segment(ledger: Ledger) -> dict[str, Rows]:
    segments: dict[str, list[tuple[float, float, int]]] = {}
    for row in ledger:
        segments.setdefault(row.segment, []).append((row.noise_multiplier, row.sampling_rate, row.steps))
    return {name: tuple(sorted(rows)) for name, rows in segments.items()}


@functools.lru_cache(maxsize=4096)
def _epsilon_over_whole_orders(rows: Rows, delta: float) -> float:
    """A bound on what either accountant makes of the rows."""
    if any(noise < _LEAST_NOISE for noise, _, _ in rows):
        return math.inf

    @functools.cache
    def bound(order: float) -> float:
        return _least_bound([order], [_rdp(rows, order)], delta)[0]

    return max(0.0, bound(_lowest(_WHOLE_ORDERS, bound)))


@functools.lru_cache(maxsize=4096)
def _epsilon_rdp(rows: Rows, delta: float) -> float:
    if any(noise < _LEAST_NOISE for noise, _, _ in rows):
        return math.inf
    return _least_epsilon(lambda order: _rdp(rows, order), delta)


def _rdp(rows: Iterable[tuple[float, float, int]], order: float) -> float:
    return sum(steps * _rdp_of_one_step(noise, rate, order) for noise, rate, steps in rows)


def _least_epsilon(spent: Callable[[float], float], delta: float) -> float:
    """The least bound over `ORDERS`, given the divergence at each.

    Every order gives a valid bound, and over the orders the bound has one minimum: (order - 1) * divergence is convex.
    Whole orders cost tenths of a millisecond and fractional ones up to 30 ms, so the whole ones are searched first and
    then the fractions around the best of them.
    """

    @functools.cache
    def bound(order: float) -> float:
        return _least_bound([order], [spent(order)], delta)[0]

    best = _lowest(_WHOLE_ORDERS, bound)
    if not math.isfinite(bound(best)):
        return math.inf
    nearby = _lowest([order for order in ORDERS if best - 1 < order < best + 1], bound)
    # Where delta alone covers the loss, the formula falls below zero, which is no epsilon.
    return max(0.0, min(bound(best), bound(nearby)))


def _lowest(orders: Sequence[float], bound: Callable[[float], float]) -> float:
    """The order with the least bound, where bounds fall up to it and then rise."""
    while len(orders) > 1:
        half = len(orders) // 2
        orders = orders[half:] if bound(orders[half - 1]) > bound(orders[half]) else orders[:half]
    return orders[0]


@functools.lru_cache(maxsize=65_536)
def _rdp_of_one_step(noise_multiplier: float, sampling_rate: float, order: float) -> float:
    [value] = _opacus_rdp().compute_rdp(q=sampling_rate, noise_multiplier=noise_multiplier, steps=1, orders=[order])
    return float(value)


def _least_bound(orders: Sequence[float], rdp: Sequence[float], delta: float) -> tuple[float, float]:
    """The least epsilon that these orders give, and the order that gives it."""
    with warnings.catch_warnings():
        # Opacus warns where the best order is the last of a list: there may be a better one, but the bound holds.
        warnings.simplefilter("ignore", UserWarning)
        value, order = _opacus_rdp().get_privacy_spent(orders=list(orders), rdp=list(rdp), delta=delta)
    return float(value), float(order)


@functools.lru_cache(maxsize=1024)
def _epsilon_prv(rows: Rows, delta: float) -> float:
    # Measured: at sigma .3, q .2, 2,000 steps Opacus' PRV accountant ran for 204 s and returned infinity.
    bound = _epsilon_rdp(rows, delta)
    if not math.isfinite(bound) or bound > 50 or min(noise for noise, _, _ in rows) < _PRV_NOISE_FLOOR:
        return bound
    from opacus.accountants import PRVAccountant

    accountant = PRVAccountant()
    accountant.history = [(noise, rate, steps) for noise, rate, steps in rows]
    with warnings.catch_warnings():
        # Where every record is in every step a logarithm of 1 - 1 is taken and compared with, rightly, as -infinity.
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        value = float(accountant.get_epsilon(delta, eps_error=_PRV_ERROR))
    return min(value, bound) if math.isfinite(value) else bound


@functools.cache
def _opacus_rdp() -> ModuleType:
    """Opacus' own Renyi arithmetic, loaded as the file it is.

    The module needs numpy and scipy only, but importing it through its package costs 3 s of torch; planning a
    scenario must not.
    """
    package = importlib.util.find_spec("opacus")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("opacus is not installed")
    path = Path(package.origin).parent / "accountants" / "analysis" / "rdp.py"
    spec = importlib.util.spec_from_file_location("opacus_rdp_analysis", path)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"opacus has no {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
