"""Figures over seeds, and which settings no other beats."""

import math
import statistics
from collections.abc import Iterable, Sequence

from simulation.sweeps.directory import Table


def spread(values: Iterable[float | None]) -> Table | None:
    """Mean and sample standard deviation (0 of one value) of what is known."""
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    deviation = statistics.stdev(known) if len(known) > 1 else 0.0
    return {"mean": statistics.fmean(known), "standard_deviation": deviation, "count": len(known)}


def on_front(accuracies: Sequence[float | None], costs: Sequence[float | None]) -> list[bool]:
    """Which no other beats: none is as accurate at a lower cost, nor more accurate at the same.

    A cost of None is infinite, and without an accuracy nothing is on the front. Costs that agree to two digits are the
    same: noise is calibrated to an epsilon to within a thousandth.
    """
    rounded = [math.inf if cost is None else float(f"{cost:.2g}") for cost in costs]
    places = list(zip(accuracies, rounded, strict=True))
    return [
        accuracy is not None
        and not any(
            other is not None and other >= accuracy and less <= spent and (other > accuracy or less < spent)
            for other, less in places
        )
        for accuracy, spent in places
    ]
