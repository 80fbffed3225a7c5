import numpy as np
import pytest

from privacy.audits.separation import separation
from scenarios.seeds import stream

FOUR = np.array([True, True, False, False])


def test_those_that_all_score_higher_are_all_found():
    found = separation(np.array([3.0, 4.0, 1.0, 2.0]), FOUR, 0.95)
    assert (found.auc, found.rates[0].tpr) == (1.0, 1.0)


def test_the_area_counts_pairs_and_half_of_ties():
    # Of the four pairs two are won, one is a tie and one is lost.
    found = separation(np.array([3.0, 1.0, 1.0, 2.0]), FOUR, 0.95)
    assert found.auc == pytest.approx((2 + 0.5 + 0) / 4)


def test_equal_scores_find_nobody():
    found = separation(np.zeros(4), FOUR, 0.95)
    assert (found.auc, found.rates[0].tpr) == (0.5, 0.0)


def test_a_rate_allows_no_more_false_alarms_than_it_says():
    others = np.arange(200.0)
    scores = np.concatenate([np.full(100, 197.5), others])
    found = separation(scores, np.arange(300) < 100, 0.95, (0.005, 0.01))
    assert [rate.tpr for rate in found.rates] == [0.0, 1.0]  # of 200 others one, then two may score higher


def test_intervals_hold_the_truth_as_often_as_they_say():
    held = 0
    for seed in range(100):
        rng = stream(seed, "scores")
        scores = np.concatenate([rng.normal(0.5, 1, 200), rng.normal(0, 1, 200)])
        found = separation(scores, np.arange(400) < 200, 0.95)
        held += found.low <= 0.6382 <= found.high  # Phi(0.5 / sqrt 2)
    assert held >= 90


def test_one_score_is_too_few():
    with pytest.raises(ValueError, match="too few to tell apart"):
        separation(np.zeros(3), np.array([True, False, False]), 0.95)


def test_an_area_of_one_is_not_beyond_doubt():
    # A true area of a would win both of two disjoint pairs with probability a^2, of which 2.5% are left at sqrt(0.025).
    found = separation(np.array([3.0, 4.0, 1.0, 2.0]), FOUR, 0.95)
    assert (found.low, found.high) == (pytest.approx(0.025**0.5), 1.0)
    lost = separation(np.array([1.0, 2.0, 3.0, 4.0]), FOUR, 0.95)
    assert (lost.low, lost.high) == (0.0, pytest.approx(1 - 0.025**0.5))
