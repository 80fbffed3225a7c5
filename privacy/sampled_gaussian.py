"""The arithmetic of the sampled Gaussian mechanism, shared by every trainer: who is in a batch, clipping, noise.

Source: Abadi et al. 2016, arXiv 1607.00133, algorithm 1. Coins and clipping are exactly those of Opacus: a trainer that
is built on them can be tested against it with the same noise.
"""

import math

import numpy as np
import numpy.typing as npt
import torch

from privacy.noise import NoiseSource

_COINS = 2**20
"""How many coins are drawn at once; one after another they come from the generator all the same."""

_STABILITY = 1e-6
"""What Opacus adds to a norm before it divides by it; a clipped gradient is shorter than the clip norm by as much."""


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


def draw_gaussian(out: torch.Tensor, standard_deviation: float, noise: NoiseSource) -> torch.Tensor:
    """Fill the contiguous float32 tensor `out` with the next of the noise and return it."""
    noise.fill(out.view(-1).numpy())
    return out.mul_(standard_deviation)


def on_grid(values: torch.Tensor, deviation: float) -> torch.Tensor:
    """Round values with noise of this standard deviation, in place, to a grid that depends on nothing else.

    Its lines are between 2^-17 and 2^-16 of the deviation apart. Whether something was added to a number of noise shows
    in its last bits otherwise (Mironov 2012); what is rounded away is no proof that nothing else does.
    """
    grid = 2.0 ** (math.floor(math.log2(deviation)) - 16)
    return values.div_(grid).round_().mul_(grid)
