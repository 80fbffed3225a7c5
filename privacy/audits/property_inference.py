"""Property inference on single updates: how much of a client's data is of one kind?

The attacker trains clients of its own with few and with many such records and compares (Ateniese et al. 2015, arXiv
1306.4447, and for federated updates Melis et al. 2019, arXiv 1805.04049). Here it projects an update on the difference
of the two means. Where what hides the difference is the isotropic noise of DP-SGD, no other projection tells more.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from privacy.audits.separation import Chosen, Floats
from privacy.view import Vector


@dataclass(frozen=True, eq=False)
class Direction:
    """`values` float64[d], on which updates are projected; `few` and `many` are where the two means come to lie."""

    values: Floats
    few: float
    many: float


def learn(updates: Vector, has_many: Chosen) -> Direction:
    """From updates float32[n, d] of clients of which it is known who has many.

    Raises ValueError where there are none of one kind, or both kinds' updates are the same on average.
    """
    if not has_many.any() or has_many.all():
        raise ValueError(
            f"{int(has_many.sum())} of {len(has_many)} clients have many such records: one kind is missing"
        )
    many, few = (updates[those].mean(0, dtype=np.float64) for those in (has_many, ~has_many))
    values = many - few
    if not values.any():
        raise ValueError("updates of clients with few and with many such records are the same")
    return Direction(values, float(few @ values), float(many @ values))


def scores(direction: Direction, updates: Vector) -> Floats:
    """float64[n] of updates float32[n, d]: 0 where the mean with few such records lies, 1 where that with many does.

    It is linear up to its origin: the score of a weighted mean of updates is the weighted mean of their scores.
    """
    return np.asarray((updates @ direction.values - direction.few) / (direction.many - direction.few), np.float64)


def rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's, from -1 to 1; 0.0 where all values of a side are the same."""
    if len(np.unique(one)) < 2 or len(np.unique(other)) < 2:
        return 0.0
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])
