"""Membership inference on a released model: scores of records.

Every score is larger where membership is likelier. A reference model counts for a record only where it was trained
without it, so no attack needs to train on the record that it asks about (offline attacks).
"""

import math

import numpy as np
import numpy.typing as npt

from privacy.audits.separation import Chosen, Floats

_RMIA_A = 0.3
"""How far a record's probability is taken to rise in models that were trained on it; RMIA's own value for images."""

_RMIA_GAMMA = 1.0
_LEAST_SPREAD = 1e-6


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


def _mean(references: Floats, without: Chosen) -> Floats:
    """Over the references without a record; over all of them for a record that none was trained without."""
    counted = np.where(without.any(0), without, True)
    return np.asarray(np.where(counted, references, 0.0).sum(0) / counted.sum(0), np.float64)


def _probability(confidence: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(confidence, -500, 500))), np.float64)
