import numpy as np
import pytest
from scipy.special import ndtr

from privacy.audits import property_inference
from privacy.audits.separation import separation
from scenarios.seeds import stream

UPDATES = np.array([[0, 0], [0, 2], [4, 0], [4, 2]], np.float32)
MANY = np.array([False, False, True, True])


def test_the_direction_is_from_the_mean_with_few_to_that_with_many():
    found = property_inference.learn(UPDATES, MANY)
    assert found.values.tolist() == [4.0, 0.0]
    assert (found.few, found.many) == (0.0, 16.0)


def test_scores_are_0_and_1_at_the_means_and_halfway_between():
    found = property_inference.learn(UPDATES, MANY)
    assert property_inference.scores(found, np.array([[0, 9], [2, 9], [4, 9]], np.float32)).tolist() == [0.0, 0.5, 1.0]


def test_the_score_of_a_weighted_mean_is_the_weighted_mean_of_scores():
    found = property_inference.learn(UPDATES + np.float32(1), MANY)
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    mean = (weights @ UPDATES).astype(np.float32)[None]
    assert property_inference.scores(found, mean) == pytest.approx(weights @ property_inference.scores(found, UPDATES))


def test_under_isotropic_noise_it_tells_as_much_as_the_distance_of_the_means_allows():
    rng, many = stream(1, "updates"), np.arange(4000) % 2 == 0
    signal = np.zeros(50)
    signal[:4] = 1.0  # the means are 2 standard deviations apart: the area is Phi(2 / sqrt 2)
    clean = (many[:, None] * signal).astype(np.float32)
    noisy = (clean + rng.normal(0, 1, clean.shape)).astype(np.float32)
    scores = property_inference.scores(property_inference.learn(clean, many), noisy)
    assert separation(scores, many, 0.95).auc == pytest.approx(float(ndtr(2**0.5)), abs=0.015)


@pytest.mark.parametrize("many", [np.zeros(4, np.bool_), np.ones(4, np.bool_)])
def test_both_kinds_are_needed(many):
    with pytest.raises(ValueError, match="one kind is missing"):
        property_inference.learn(UPDATES, many)


def test_updates_that_do_not_differ_teach_nothing():
    with pytest.raises(ValueError, match="are the same"):
        property_inference.learn(np.ones((4, 2), np.float32), MANY)


def test_ranks_correlate_as_spearman_says():
    rising = np.array([1.0, 2.0, 10.0])
    assert property_inference.rank_correlation(rising, np.array([5.0, 6.0, 7.0])) == pytest.approx(1.0)
    assert property_inference.rank_correlation(rising, np.array([7.0, 6.0, 5.0])) == pytest.approx(-1.0)
    assert property_inference.rank_correlation(rising, np.array([5.0, 7.0, 6.0])) == pytest.approx(0.5)
    assert property_inference.rank_correlation(rising, np.ones(3)) == 0.0
