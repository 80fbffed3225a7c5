"""How like its original a rebuilt record is: PSNR and SSIM, and which of many is most like which."""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

Floats = npt.NDArray[np.float64]

MOST_DB = 100.0
"""What a rebuilt record counts that is off by less than a hundred-thousandth of the range: exact."""

_GAUSSIAN_SIDE = 11
_FEWEST = 5


def psnr(rebuilt: Floats, true: Floats, peak: float = 1.0) -> float:
    """Peak signal-to-noise ratio in dB, 10 log10(peak^2 / mean squared error), at most `MOST_DB`."""
    error = float(np.square(rebuilt - true).mean())
    return _decibels(error, peak)


def ssim(rebuilt: Floats, true: Floats) -> float:
    """Structural similarity of two pictures [height, width] with values in 0..1; 1.0 where they are the same.

    As in Wang et al. 2004 (doi 10.1109/TIP.2003.819861) with a Gaussian window of 1.5 pixels; below 11 pixels a side,
    where it does not fit, with a uniform window of the largest odd side. Raises ValueError below 3 pixels a side.
    """
    from skimage.metrics import structural_similarity  # a tenth of a second that only audits of pictures need

    side = min(true.shape)
    if side < 3:
        raise ValueError(f"pictures of {true.shape[0]} x {true.shape[1]} pixels have no structure to compare")
    if side >= _GAUSSIAN_SIDE:
        return float(
            structural_similarity(
                rebuilt, true, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
        )
    return float(structural_similarity(rebuilt, true, data_range=1.0, win_size=side - 1 + side % 2))


def closest(rebuilt: Floats, true: Floats, peak: float = 1.0) -> tuple[Floats, npt.NDArray[np.int64]]:
    """For each of `true` [n, d] the PSNR of the most like of `rebuilt` [k, d], and which it is. Raises without any."""
    if not len(rebuilt):
        raise ValueError("nothing was rebuilt")
    far = np.square(rebuilt).sum(1)[None] - 2.0 * true @ rebuilt.T  # up to a constant in each row
    which = far.argmin(1)
    errors = np.square(rebuilt[which] - true).mean(1)
    return np.array([_decibels(float(error), peak) for error in errors]), which.astype(np.int64)


def mean_between(values: Floats, confidence: float) -> tuple[float, float | None, float | None]:
    """The mean with Student's interval, which takes the values for a sample of a normal law.

    Fewer than 5, or values that are all at an end of the scale, are no such sample: then there is none.
    """
    mean = float(values.mean())
    if len(values) < _FEWEST or len(np.unique(values)) == 1:
        return mean, None, None
    width = float(stdtrit(len(values) - 1, (1.0 + confidence) / 2)) * float(values.std(ddof=1)) / math.sqrt(len(values))
    return mean, mean - width, mean + width


def _decibels(error: float, peak: float) -> float:
    if error <= peak**2 * 10.0 ** (-MOST_DB / 10.0):
        return MOST_DB
    return 10.0 * math.log10(peak**2 / error)
