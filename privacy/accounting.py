"""What rows of the ledger come to: epsilon, by Renyi or by PRV accounting.

**Guarantee.** (epsilon, delta)-differential privacy of everything released from the charged segment, under
add-or-remove of one record, given Poisson sampling at the stated rate (each record enters each step's batch
independently) and Gaussian noise of standard deviation `noise_multiplier * clip_norm` on the sum of per-record
gradients clipped to `clip_norm`. The number of records of a client is treated as public. Rows of one segment compose;
over segments that share no record the worst one counts (parallel composition).
"""

import functools
import importlib.util
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Literal

from privacy.ledger import Ledger

Accountant = Literal["rdp", "prv"]

ORDERS = tuple([1 + x / 10.0 for x in range(1, 100)] + list(range(12, 64)))
"""Renyi orders, those of Opacus' `RDPAccountant.DEFAULT_ALPHAS`."""

_WHOLE_ORDERS = tuple(order for order in ORDERS if float(order).is_integer())

_LEAST_NOISE = 1e-3
"""Below this the arithmetic overflows, and epsilon is beyond a million: as good as none."""

_MOST_NOISE = 1e100
"""Beyond this it overflows, too; more noise counts as this much, which costs more."""

_PRV_NOISE_FLOOR = 0.5
_PRV_ERROR = 0.01

Rows = tuple[tuple[float, float, int], ...]
"""Noise multiplier, sampling rate and steps of what one segment is charged with."""


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


def within(ledger: Ledger, limit: float, delta: float, accountant: Accountant = "rdp") -> bool:
    """Whether `epsilon` is at most `limit`, reckoned only as far as that takes.

    What the bound over whole orders allows, which is quick to tell, the others allow as well; so does "prv" what the
    Renyi bound allows.
    """
    bounds = (_epsilon_over_whole_orders, _epsilon_rdp, _composition(accountant))
    return all(any(bound(rows, delta) <= limit for bound in bounds) for rows in _by_segment(ledger).values())


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


def _composition(accountant: Accountant) -> Callable[[Rows, float], float]:
    return _epsilon_prv if accountant == "prv" else _epsilon_rdp


def _by_segment(ledger: Ledger) -> dict[str, Rows]:
    segments: dict[str, list[tuple[float, float, int]]] = {}
    for row in ledger:
        noise = min(row.noise_multiplier, _MOST_NOISE)
        segments.setdefault(row.segment, []).append((noise, row.sampling_rate, row.steps))
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
        try:
            value = float(accountant.get_epsilon(delta, eps_error=_PRV_ERROR))
        except ValueError:  # delta is too small for its arithmetic
            return bound
    # Where delta alone covers the loss, it falls below zero, which is no epsilon.
    return max(0.0, min(value, bound)) if math.isfinite(value) else bound


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
