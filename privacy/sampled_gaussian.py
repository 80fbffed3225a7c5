"""The arithmetic of the sampled Gaussian mechanism, shared by every trainer: who is in a batch, clipping, noise.

Source: Abadi et al. 2016, arXiv 1607.00133, algorithm 1. Each function draws and computes exactly what Opacus does, so
that a trainer built on them can be tested against Opacus draw by draw.
"""

import os
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtri

_COINS = 2**20
"""How many coins are drawn at once; one after another they come from the generator all the same."""

_STABILITY = 1e-6
"""What Opacus adds to a norm before it divides by it; a clipped gradient is shorter than the clip norm by as much."""


def require_noise(noise_multiplier: float) -> None:
    """Raise ValueError for a noise multiplier that is not positive: no privacy is never called DP-SGD."""
    if not noise_multiplier > 0:
        raise ValueError(f"noise_multiplier must be positive, not {noise_multiplier}")


def poisson_batches(
    records: int, sampling_rate: float | npt.NDArray[np.float32], steps: int, generator: torch.Generator
) -> list[npt.NDArray[np.int64]]:
    """Which of `records` records are in each of `steps` batches: each one by itself, with the sampling rate.

    One rate for all, or float32[records] with each record's own: the coins are the same.
    The draws are those of Opacus' UniformWithReplacementSampler. A batch may be empty, and is a step all the same.
    Raises ValueError where there is no record.
    """
    if records <= 0:
        raise ValueError(f"there must be a record to sample from, not {records}")
    rate = np.asarray(sampling_rate, np.float32)  # Opacus compares in float32
    # So many steps at once that calls do not count, and so few that the coins of a large data set do not fill memory.
    at_once = max(1, _COINS // records)
    counts = [min(at_once, steps - begun) for begun in range(0, steps, at_once)]
    drawn = (torch.rand(count, records, generator=generator).numpy() < rate for count in counts)
    return [chosen.nonzero()[0] for some in drawn for chosen in some]


def clip_factors(squared_norms: torch.Tensor, clip_norm: torch.Tensor) -> torch.Tensor:
    """What each record's gradient is multiplied with, so that its norm is at most `clip_norm`; at most 1."""
    return (clip_norm / (squared_norms.sqrt() + _STABILITY)).clamp(max=1.0)


def draw_gaussian(out: torch.Tensor, standard_deviation: float, generator: torch.Generator | None) -> torch.Tensor:
    """Fill the contiguous float32 tensor `out` with noise and return it.

    From a seeded generator these are the bits of `torch.normal`; None draws from the operating system's entropy.
    """
    if generator is not None:
        return out.normal_(0.0, standard_deviation, generator=generator)
    return out.copy_(torch.from_numpy(system_gaussian(out.numel())).view_as(out)).mul_(standard_deviation)


def system_gaussian(count: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Standard normal float32[count] from os.urandom.

    Each value is the normalised sum of four draws, as Opacus' secure mode does against attacks on the floating-point
    grid (Holohan & Braghin 2021, arXiv 2107.10138).
    """
    bits = np.frombuffer(os.urandom(count * 4 * 8), dtype=np.uint64).reshape(4, count)
    uniform = ((bits >> np.uint64(12)).astype(np.float64) + 0.5) / 2**52
    return cast("np.ndarray[tuple[int], np.dtype[np.float32]]", (ndtri(uniform).sum(axis=0) / 2.0).astype(np.float32))
