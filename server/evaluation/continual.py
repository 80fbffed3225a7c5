"""What continual learning is measured by, from the whole matrix R[i, j]: the accuracy on experience j after experience
i.

Terms and formulas of Lopez-Paz & Ranzato 2017 (arXiv 1706.08840) and Chaudhry et al. 2018 (arXiv 1801.10112), as
Avalanche has them. i counts the experiences that are over, so a run that was cut short has fewer rows than columns.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
"""R, float64[T, K]: a row for each experience that is over, in order."""


def average_accuracy(matrix: Matrix) -> float:
    """The mean over all experiences of the accuracy after the last one that is over."""
    return float(matrix[-1].mean())


def forgetting(matrix: Matrix) -> float | None:
    """The mean over past experiences of max_i R[i, j] - R[T, j], i < T (Chaudhry); None with a single one over."""
    by_experience = forgetting_by_experience(matrix)
    return float(np.mean(by_experience)) if by_experience else None


def forgetting_by_experience(matrix: Matrix) -> list[float]:
    """Of each experience before the last that is over: its best accuracy since it was learned, less its last one."""
    last = len(matrix) - 1
    return [float(matrix[j:last, j].max() - matrix[last, j]) for j in range(last)]


def backward_transfer(matrix: Matrix) -> float | None:
    """BWT: the mean over past experiences of R[T, j] - R[j, j]; negative where later ones harm."""
    last = len(matrix) - 1
    return float(np.mean([matrix[last, j] - matrix[j, j] for j in range(last)])) if last else None


def forward_transfer(matrix: Matrix, initial: Sequence[float]) -> float | None:
    """FWT: the mean over later experiences of R[j - 1, j] less the accuracy of the initial model on j."""
    return float(np.mean([matrix[j - 1, j] - initial[j] for j in range(1, len(matrix))])) if len(matrix) > 1 else None


def plasticity(matrix: Matrix) -> float:
    """The mean of R[j, j]: how well each experience is learned when it is there."""
    return float(np.mean([matrix[j, j] for j in range(len(matrix))]))


def of_client(by_class: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]) -> float | None:
    """The accuracy on one experience for a client with these class shares, float64[C], of float64[C] by class.

    Classes that are not in the test set (NaN) are left out; None where nothing of the client's is in it.
    """
    known = np.isfinite(by_class) & (shares > 0)
    return float((by_class[known] * shares[known]).sum() / shares[known].sum()) if known.any() else None
