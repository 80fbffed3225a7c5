"""Canaries in gradient space: how often the sampled Gaussian mechanism gives away who was in.

Each canary's gradient lies along a coordinate of its own (a Dirac canary; Steinke, Nasr & Jagielski 2023,
arXiv 2305.08846, section 6) and is longer than the clip norm, so that nothing but clipping bounds it. A fair coin says
whether it is among the records. The mechanism is the one that trainers use: `privacy.sampled_gaussian` draws the
batches, clips and adds the noise. The guesser sees every released noisy sum, as much as differential privacy protects
against. Coordinates that no canary uses hold noise alone, and what that noise measures is a second check.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import chdtr, chdtri

from privacy.audits import one_run
from privacy.ledger import Charge
from privacy.noise import NoiseSource, require_noise
from privacy.sampled_gaussian import clip_factors, draw_gaussian, poisson_batches

IDLE = 500
"""How many coordinates no canary uses."""

GUESSED_SHARES = (1.0, 0.5, 0.2, 0.05)
"""Which shares of the canaries are guessed, the surest first; fixed before anything is drawn."""

MOST_DRAWS = 5 * 10**8
"""Steps times coordinates up to which an audit is played; it takes seconds."""

_STEPS_AT_ONCE = 1000
"""For how many steps batches are drawn at once, so that a long run's do not fill memory."""

_LENGTH = 10.0
"""A canary's own length in clip norms."""


@dataclass(frozen=True)
class Released:
    """`scores` float64[m]: how much more likely each canary's coordinates are if it was in; `included` bool[m].

    `noise_squares` is the sum of squares of `noise_draws` draws of noise over their claimed standard deviation.
    """

    scores: npt.NDArray[np.float64]
    included: npt.NDArray[np.bool_]
    noise_squares: float
    noise_draws: int


@dataclass(frozen=True)
class Noise:
    """The noise's standard deviation over the claimed one: estimated, and between `low` and `high`.

    `too_little` is the probability that noise as claimed measures so little or less.
    """

    ratio: float
    low: float
    high: float
    too_little: float


@dataclass(frozen=True)
class Bound:
    """A lower bound on epsilon from `correct` of `guesses` guesses, and what the same is on a Gaussian curve."""

    epsilon: float
    on_a_gaussian_curve: float
    guesses: int
    correct: int


def release(
    rows: Sequence[Charge],
    clip_norm: float,
    included: npt.NDArray[np.bool_],
    sampling: torch.Generator,
    noise: NoiseSource,
    noise_factor: float = 1.0,
) -> Released:
    """Release the noisy sums of every step of the rows and score each canary by its likelihood ratio.

    `noise_factor` breaks the mechanism on purpose, to show that the audit finds out; 1.0 is the mechanism. Raises
    ValueError for a noise multiplier that is not positive and for more than `MOST_DRAWS` draws.
    """
    canaries, steps = len(included), sum(row.steps for row in rows)
    if steps * (canaries + IDLE) > MOST_DRAWS:
        raise ValueError(f"{steps} steps with {canaries} canaries are too many to play")
    places = torch.from_numpy(included.nonzero()[0])
    scores, squares = np.zeros(canaries), 0.0
    for row in rows:
        require_noise(row.noise_multiplier)
        for batch in _batches(len(places), row, sampling):
            deviation = row.noise_multiplier * noise_factor * clip_norm
            total = _noisy_sum(places[torch.from_numpy(batch)], canaries, clip_norm, deviation, noise)
            seen = total.numpy().astype(np.float64) / clip_norm
            scores += _log_likelihood_ratio(seen[:canaries], row)
            squares += float(np.square(seen[canaries:] / row.noise_multiplier).sum())
    return Released(scores, included, squares, IDLE * steps)


def bound(released: Released, delta: float, confidence: float = 0.95) -> Bound:
    """The best lower bound over `GUESSED_SHARES`, which holds with this confidence for all of them at once.

    The highest and the lowest scores are guessed "in" and "out", in equal numbers. Each share is tested at an equal
    part of 1 - confidence.
    """
    canaries = len(released.included)
    each = 1.0 - (1.0 - confidence) / len(GUESSED_SHARES)
    order = np.argsort(-released.scores, kind="stable")
    found = []
    for share in GUESSED_SHARES:
        half = max(1, int(share * canaries / 2))
        correct = int(released.included[order[:half]].sum() + (~released.included[order[-half:]]).sum())
        counts = canaries, 2 * half, correct, delta, each
        lower, gaussian = one_run.epsilon_lower_bound(*counts), one_run.epsilon_on_a_gaussian_curve(*counts)
        found.append(Bound(lower, gaussian, 2 * half, correct))
    return max(found, key=lambda one: (one.epsilon, one.on_a_gaussian_curve))


def most(canaries: int, delta: float, confidence: float = 0.95) -> float:
    """The largest bound that so many canaries can give: what comes out where every guess is right."""
    each = 1.0 - (1.0 - confidence) / len(GUESSED_SHARES)
    guesses = [2 * max(1, int(share * canaries / 2)) for share in GUESSED_SHARES]
    return max(one_run.epsilon_lower_bound(canaries, count, count, delta, each) for count in guesses)


def noise_of(released: Released, confidence: float) -> Noise:
    """How much noise there was: a chi-square test with an equal-tailed interval, exact for Gaussian noise."""
    draws, tail = released.noise_draws, (1.0 - confidence) / 2
    squares = released.noise_squares
    return Noise(
        ratio=math.sqrt(squares / draws),
        low=math.sqrt(squares / float(chdtri(draws, tail))),
        high=math.sqrt(squares / float(chdtri(draws, 1.0 - tail))),
        too_little=float(chdtr(draws, squares)),
    )


def _batches(records: int, row: Charge, sampling: torch.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Which of the records are in each step of a row; where no coin put a canary in, no step has any."""
    for begun in range(0, row.steps, _STEPS_AT_ONCE):
        steps = min(_STEPS_AT_ONCE, row.steps - begun)
        if records:
            yield from poisson_batches(records, row.sampling_rate, steps, sampling)
        else:
            yield from [np.empty(0, np.int64)] * steps


def _noisy_sum(
    chosen: torch.Tensor, canaries: int, clip_norm: float, deviation: float, noise: NoiseSource
) -> torch.Tensor:
    """One step: the clipped gradients of the canaries in the batch and the noise, float32[canaries + IDLE]."""
    lengths = torch.full((len(chosen),), _LENGTH * clip_norm)
    clipped = lengths * clip_factors(lengths.square(), torch.tensor(clip_norm))
    drawn = draw_gaussian(torch.empty(canaries + IDLE), deviation, noise)
    return drawn.index_add_(0, chosen, clipped)


def _log_likelihood_ratio(seen: npt.NDArray[np.float64], row: Charge) -> npt.NDArray[np.float64]:
    """log p(seen | in) / p(seen | out), by canary: with the sampling rate q a canary in is in this step, too."""
    there = (2.0 * seen - 1.0) / (2.0 * row.noise_multiplier**2)
    if row.sampling_rate >= 1.0:
        return there
    return np.logaddexp(math.log1p(-row.sampling_rate), math.log(row.sampling_rate) + there)
