"""Additive statistics on frozen features: the sums of which a ridge regression consists, so that nothing is forgotten.

Source: Fed3R (Fani et al., ICML 2024) and AFL (arXiv 2405.16240). With x a record's features and y its one-hot label, a
client sends G = sum x x^T and C = sum x y^T; the server adds up and solves once. The sum over all parts is that of all
records, in whatever order and partition they come, and a part that is subtracted again was never there.

**Guarantee.** One `noisy` release of a client's statistics is the Gaussian mechanism of sensitivity `SENSITIVITY` and
standard deviation `noise_multiplier * SENSITIVITY`: in the ledger, one step at sampling rate 1 on that segment. Unit:
one record of the segment. Neighbours: one record added or removed; the number of records is public. Trust: nobody but
the client, where the client draws the noise; whoever holds the sum, where noise is drawn on the sum. `statistics` alone
and `solve` without noise promise nothing.

**Exact sums.** Features are rounded to multiples of 2^-8 before anything is added. Every statistic is then a multiple
of 2^-16, and float64 adds and subtracts them without error. float32 carries them without error below 256 (24 bits),
also divided by a common power of two; `solve` rounds a total without noise back to the grid, which undoes what another
scale did to it as long as a coordinate's magnitudes sum to less than 128. Beyond, float32's own error of 6e-8 remains.
"""

import math

import numpy as np
import numpy.typing as npt

from privacy.noise import NoiseSource, require_noise

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Statistics = npt.NDArray[np.float64]

SENSITIVITY = math.sqrt(2)
"""How far one record more or less moves the statistics, in L2 norm.

Its features x have norm at most 1. In the upper triangle of G it adds x_i x_j for i <= j, whose squares sum to
(|x|^4 + sum_i x_i^4) / 2 <= |x|^4 <= 1. In C it adds x to one column: |x|^2 <= 1. Together at most 2, which a record
with a single feature reaches.
"""

RIDGE = 1e-4
"""The penalty's weight, a record. Measured with 500 random features: 1e-5 serves digits better by a point and a table
of heart disease worse by four; on mnist5k both do as well.
"""

_GRID = 2.0**8
_AIM = 1 - 2.0**-8
"""Rounding may lengthen a record; from this norm it seldom does so beyond 1."""

_NOISE_SHARE = 0.25
"""Of the noise's spectral norm, what is added to the penalty. Measured between 0.1 and 1 on mnist5k, digits and
heart-disease with 100 to 500 features at epsilon 1 to 8: never more than three points below the best.
"""


def size(features: int, classes: int) -> int:
    """How many numbers the statistics have: the upper triangle of G, row by row, and then C, row by row."""
    return features * (features + 1) // 2 + features * classes


def statistics(features: Features, labels: Labels, classes: int) -> Statistics:
    """float64[size] of float32[n, F] and int64[n]; zeros for no record.

    Each record is first scaled to norm at most 1, rounding included; one with NaN or infinity counts as zeros. Raises
    ValueError for a label outside of 0 to classes - 1.
    """
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ValueError(f"labels must be in 0 to {classes - 1}, not {labels.min()} to {labels.max()}")
    records = _bounded(features)
    gram = records.T @ records
    targets = np.zeros((len(labels), classes))
    targets[np.arange(len(labels)), labels] = 1.0
    return np.concatenate([gram[np.triu_indices(len(gram))], (records.T @ targets).ravel()])


def noisy(statistics: Statistics, noise_multiplier: float, source: NoiseSource) -> Statistics:
    """The statistics with N(0, (noise_multiplier * SENSITIVITY)^2) added to each, once: float64[size].

    The noise is rounded to the grid of the statistics, so that no low bits of the result tell which noise went into it
    (Mironov 2012). It comes in float64: float32 numbers, times their deviation, leave out points of that grid, and an
    output that only one of two data sets can have decides between them. A second release of the same records is a
    second step in the ledger. Raises ValueError for a noise multiplier that is not positive.
    """
    require_noise(noise_multiplier)
    noise = source.fine(statistics.size) * (noise_multiplier * SENSITIVITY)
    return statistics + _on_grid(noise, _GRID**2)


def solve(
    total: Statistics, features: int, classes: int, ridge: float, records: int, noise_deviation: float = 0.0
) -> npt.NDArray[np.float32]:
    """The ridge regression that summed statistics stand for: float32[classes, features], the weights of a linear layer.

    W^T = (G + (ridge * records + noise_deviation * sqrt(features) / 2) I)^-1 C, G symmetric with its negative
    eigenvalues set to zero: a sum of x x^T has none, so noise made them. `noise_deviation` is the standard deviation of
    each coordinate of `total`, that is of all releases in it together. A symmetric matrix of such noise has the
    spectral norm 2 * noise_deviation * sqrt(features) (Wigner); a quarter of it is added to the penalty. Noise is
    public, so all this is post-processing. Raises ValueError for totals of another size or that are not finite, and
    where the penalty or the number of records is not positive.
    """
    if total.shape != (size(features, classes),):
        raise ValueError(f"{features} features and {classes} classes have {size(features, classes)} statistics")
    if not np.isfinite(total).all():
        raise ValueError("the statistics hold NaN or infinity")
    if not (ridge > 0 and records > 0 and noise_deviation >= 0):
        raise ValueError(
            f"ridge and records must be positive and noise not negative: {ridge}, {records}, {noise_deviation}"
        )
    exact = total if noise_deviation else _on_grid(total, _GRID**2)
    gram = np.zeros((features, features))
    rows, columns = np.triu_indices(features)
    gram[rows, columns] = gram[columns, rows] = exact[: len(rows)]
    moments = exact[len(rows) :].reshape(features, classes)

    values, vectors = np.linalg.eigh(gram)
    spectral_norm = 2 * noise_deviation * math.sqrt(features)
    penalised = np.maximum(values, 0.0) + ridge * records + _NOISE_SHARE * spectral_norm
    weights: npt.NDArray[np.float64] = (vectors / penalised) @ (vectors.T @ moments)
    return weights.T.astype(np.float32)


def _bounded(features: Features) -> npt.NDArray[np.float64]:
    """float64[n, F] on the grid of 2^-8, every record by itself of norm at most 1."""
    values = np.where(np.isfinite(features).all(axis=1, keepdims=True), features, 0.0).astype(np.float64)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    scaled = values * (_AIM / np.maximum(norms, _AIM)) * _GRID
    levels = np.rint(scaled)
    too_long = (levels**2).sum(axis=1) > _GRID**2  # whole numbers: an exact comparison
    levels[too_long] = np.trunc(scaled[too_long])  # towards zero, so never longer than before
    bounded: npt.NDArray[np.float64] = levels / _GRID
    return bounded


def _on_grid(values: Statistics, steps: float) -> Statistics:
    return np.rint(values * steps) / steps
