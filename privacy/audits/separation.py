"""How well scores separate those that an attack asks for from others, with intervals."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, ndtri
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rate:
    """The share of those asked for found at a false positive rate of at most `fpr`, and between `low` and `high`."""

    fpr: float
    tpr: float
    low: float
    high: float


@dataclass(frozen=True)
class Separation:
    """The area under the curve with its interval, and true positive rates at low false positive rates."""

    auc: float
    low: float
    high: float
    rates: tuple[Rate, ...]


def separation(
    scores: Floats, asked_for: Chosen, confidence: float, rates: tuple[float, ...] = (0.01, 0.001)
) -> Separation:
    """How well scores separate those asked for from the others.

    The area's interval is DeLong's (1988), which vanishes where every pair is won or lost: there it is Clopper and
    Pearson's of as many disjoint pairs as there are. A rate's is Clopper and Pearson's at the threshold that these
    others give. All take the scores for a sample. Raises ValueError without both kinds.
    """
    inside, outside = scores[asked_for], scores[~asked_for]
    if len(inside) < 2 or len(outside) < 2:
        raise ValueError(f"{len(inside)} and {len(outside)} scores are too few to tell apart")
    auc, deviation = _area(inside, outside)
    width = float(ndtri((1.0 + confidence) / 2)) * deviation
    if auc in (0.0, 1.0):
        width = 1.0 - ((1.0 - confidence) / 2) ** (1.0 / min(len(inside), len(outside)))
    found = tuple(_rate(inside, outside, fpr, confidence) for fpr in rates)
    return Separation(auc, max(0.0, auc - width), min(1.0, auc + width), found)


def _rate(inside: Floats, outside: Floats, fpr: float, confidence: float) -> Rate:
    """Those above the highest threshold that at most this share of the others exceeds."""
    allowed = int(fpr * len(outside))
    threshold = np.sort(outside)[len(outside) - 1 - allowed]
    found, count = int((inside > threshold).sum()), len(inside)
    tail = (1.0 - confidence) / 2
    low = float(betaincinv(found, count - found + 1, tail)) if found else 0.0
    high = float(betaincinv(found + 1, count - found, 1.0 - tail)) if found < count else 1.0
    return Rate(fpr, found / count, low, high)


def _area(inside: Floats, outside: Floats) -> tuple[float, float]:
    """The probability that one asked for scores higher (half for a tie), and its standard deviation by DeLong."""
    many, others = len(inside), len(outside)
    together = rankdata(np.concatenate([inside, outside]))
    above = (together[:many] - rankdata(inside)) / others
    below = 1.0 - (together[many:] - rankdata(outside)) / many
    variance = above.var(ddof=1) / many + below.var(ddof=1) / others
    return float(above.mean()), math.sqrt(float(variance))
