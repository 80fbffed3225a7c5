"""Membership inference on a released model: scores, and how well they separate members from others.

Every score is larger where membership is likelier. A reference model counts for a record only where it was trained
without it, so no attack needs to train on the record that it asks about (offline attacks).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, ndtri
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]

_RMIA_A = 0.3
"""How far a record's probability is taken to rise in models that were trained on it; RMIA's own value for images."""

_RMIA_GAMMA = 1.0
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class Rate:
    """The share of members found at a false positive rate of at most `fpr`, and between `low` and `high`."""

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


def confidences(logits: Floats, labels: npt.NDArray[np.int64]) -> Floats:
    """log(p / (1 - p)) of the true class's probability p, float64[n], from logits [n, classes].

    It falls with the cross-entropy, and is close to normal over models (Carlini et al. 2022, arXiv 2112.03570, IV.B).
    """
    rows = np.arange(len(labels))
    others = np.array(logits, np.float64)
    own = others[rows, labels].copy()
    others[rows, labels] = -np.inf
    largest = others.max(1)
    return np.asarray(own - largest - np.log(np.exp(others - largest[:, None]).sum(1)), np.float64)


def lira(target: Floats, references: Floats, without: Chosen) -> Floats:
    """Offline LiRA (arXiv 2112.03570, section VI.A): how unlikely high the target's confidence is for a non-member.

    `target` float64[n], `references` float64[s, n], `without` bool[s, n]: which reference was trained without which
    record. Each record has a mean of its own and all share one spread, which is steadier with few references.
    """
    mean = _mean(references, without)
    squares = np.where(without, np.square(references - mean), 0.0)
    freedom = max(1.0, float((without.sum(0) - 1).clip(0).sum()))
    return np.asarray((target - mean) / max(_LEAST_SPREAD, math.sqrt(squares.sum() / freedom)), np.float64)


def rmia(target: Floats, references: Floats, without: Chosen) -> Floats:
    """Offline RMIA (Zarifzadeh, Liu & Shokri 2024, arXiv 2312.03262): against how many records a record stands out.

    The ratio of a record is p(x | target) over p(x), its mean over models; the score is the share of records whose
    ratio is not larger. p(x) is estimated from models without the record, as the paper's equation 10 does.
    """
    outside = _mean(_probability(references), without)
    ratio = _probability(target) / (0.5 * ((1.0 + _RMIA_A) * outside + (1.0 - _RMIA_A)))
    return np.asarray(np.searchsorted(np.sort(ratio), ratio / _RMIA_GAMMA, side="right") / len(ratio), np.float64)


def separation(
    scores: Floats, members: Chosen, confidence: float, rates: tuple[float, ...] = (0.01, 0.001)
) -> Separation:
    """How well scores separate members from others.

    The area's interval is DeLong's (1988), a rate's is Clopper and Pearson's at the threshold that these non-members
    give. Both take the records for a sample and the one released model for given. Raises ValueError without both.
    """
    inside, outside = scores[members], scores[~members]
    if len(inside) < 2 or len(outside) < 2:
        raise ValueError(f"{len(inside)} members and {len(outside)} others are too few to tell apart")
    auc, deviation = _area(inside, outside)
    width = float(ndtri((1.0 + confidence) / 2)) * deviation
    found = tuple(_rate(inside, outside, fpr, confidence) for fpr in rates)
    return Separation(auc, max(0.0, auc - width), min(1.0, auc + width), found)


def _rate(inside: Floats, outside: Floats, fpr: float, confidence: float) -> Rate:
    """Members above the highest threshold that at most this share of the others exceeds."""
    allowed = int(fpr * len(outside))
    threshold = np.sort(outside)[len(outside) - 1 - allowed]
    found, count = int((inside > threshold).sum()), len(inside)
    tail = (1.0 - confidence) / 2
    low = float(betaincinv(found, count - found + 1, tail)) if found else 0.0
    high = float(betaincinv(found + 1, count - found, 1.0 - tail)) if found < count else 1.0
    return Rate(fpr, found / count, low, high)


def _area(inside: Floats, outside: Floats) -> tuple[float, float]:
    """The probability that a member scores higher (half for a tie), and its standard deviation by DeLong."""
    many, others = len(inside), len(outside)
    together = rankdata(np.concatenate([inside, outside]))
    above = (together[:many] - rankdata(inside)) / others
    below = 1.0 - (together[many:] - rankdata(outside)) / many
    variance = above.var(ddof=1) / many + below.var(ddof=1) / others
    return float(above.mean()), math.sqrt(float(variance))


def _mean(references: Floats, without: Chosen) -> Floats:
    """Over the references without a record; over all of them for a record that none was trained without."""
    counted = np.where(without.any(0), without, True)
    return np.asarray(np.where(counted, references, 0.0).sum(0) / counted.sum(0), np.float64)


def _probability(confidence: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(confidence, -500, 500))), np.float64)
