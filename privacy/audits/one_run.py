"""What right guesses about who was in say of epsilon, from a single run.

Each of m canaries is in or out by a fair coin of its own. After the run a guesser, which knows neither coin, says of
some of them whether they were in. Under (epsilon, delta)-differential privacy it cannot be right too often.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import bdtr, expit, log_ndtr, ndtr, ndtri

_LARGEST_EPSILON = 500.0
_LARGEST_MU = 100.0


def p_value(canaries: int, guesses: int, correct: int, epsilon: float, delta: float) -> float:
    """The most probability with which a guesser is right so often under (epsilon, delta)-differential privacy.

    Steinke, Nasr & Jagielski 2023, arXiv 2305.08846, theorem 5.2: the number of right guesses is at most a binomial one
    with the rate e^epsilon / (e^epsilon + 1), but for what delta lets through. Raises ValueError for impossible counts.
    """
    if not 0 <= correct <= guesses <= canaries:
        raise ValueError(f"{correct} of {guesses} guesses about {canaries} canaries cannot be right")
    at_least = _at_least(np.arange(correct, -1, -1), guesses, float(expit(epsilon)))
    slipped = at_least[1:] - at_least[0]
    most = float(np.max(slipped / np.arange(1, correct + 1), initial=0.0))
    return min(1.0, float(at_least[0]) + 2 * canaries * delta * most)


def epsilon_lower_bound(canaries: int, guesses: int, correct: int, delta: float, confidence: float = 0.95) -> float:
    """With this confidence the mechanism is (epsilon, delta)-differentially private for no smaller epsilon.

    **Guarantee.** A bound, whatever the mechanism and the guesser are, as long as the number of guesses was not chosen
    by what came out. 0.0 says nothing: no number of guesses proves that a mechanism is private.
    """

    def excess(epsilon: float) -> float:
        return p_value(canaries, guesses, correct, epsilon, delta) - (1.0 - confidence)

    if excess(0.0) > 0 or guesses == 0:
        return 0.0
    return float(brentq(excess, 0.0, _LARGEST_EPSILON, xtol=1e-7))


def epsilon_on_a_gaussian_curve(
    canaries: int, guesses: int, correct: int, delta: float, confidence: float = 0.95
) -> float:
    """The same, if the mechanism's trade-off curve is that of a Gaussian: mu-Gaussian differential privacy.

    Mahloujifar, Melis & Chaudhuri 2024, arXiv 2410.22235, algorithm 3. Tighter, and a bound only under that
    assumption, which a subsampled Gaussian meets in the limit of many steps; elsewhere it is an estimate.
    """

    def excess(mu: float) -> float:
        return guesses / canaries - _reached(canaries, guesses, correct, mu, 1.0 - confidence)

    if guesses == 0 or excess(1e-9) > 0:
        return 0.0
    mu = _LARGEST_MU if excess(_LARGEST_MU) < 0 else float(brentq(excess, 1e-9, _LARGEST_MU, xtol=1e-7))
    return gaussian_epsilon(mu, delta)


def gaussian_epsilon(mu: float, delta: float) -> float:
    """The epsilon at delta of mu-Gaussian differential privacy (Dong, Roth & Su 2019, arXiv 1905.02383, equation 6)."""

    def excess(epsilon: float) -> float:
        far = -epsilon / mu - mu / 2
        return float(ndtr(far + mu) - math.exp(epsilon + float(log_ndtr(far))) - delta)

    if excess(0.0) <= 0:
        return 0.0
    high = 1.0
    while excess(high) > 0:
        high *= 2
    return float(brentq(excess, 0.0, high, xtol=1e-7))


def _at_least(counts: npt.NDArray[np.int64], of: int, rate: float) -> npt.NDArray[np.float64]:
    """The probability of at least so many successes, for each count, accurate in the far tail."""
    # At least k successes are at most of - k failures.
    found = bdtr((of - counts).astype(np.float64), of, 1.0 - rate)
    return np.asarray(np.where(counts <= 0, 1.0, found), np.float64)


def _reached(canaries: int, guesses: int, correct: int, mu: float, significance: float) -> float:
    """What the recursion of algorithm 3 reaches; more than the share of guesses falsifies mu."""
    right = significance * correct / canaries
    wrong = significance * (guesses - correct) / canaries
    for count in range(correct - 1, -1, -1):
        at_least = max(wrong, float(ndtr(ndtri(right) - mu)))
        if at_least == wrong:
            break  # neither of the two can change any more
        right = min(1.0, right + count / (guesses - count) * (at_least - wrong))
        wrong = at_least
    return right + wrong
