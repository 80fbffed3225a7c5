import numpy as np
import pytest

from privacy.audits import membership
from scenarios.seeds import stream

FOUR = np.array([True, True, False, False])


def test_confidence_is_the_logit_of_the_true_class():
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]]))
    found = membership.confidences(logits, np.array([0, 2]))
    assert found == pytest.approx([np.log(0.7 / 0.3), np.log(0.1 / 0.9)])


def test_confidence_of_a_sure_model_is_finite():
    assert membership.confidences(np.array([[1e4, 0.0]]), np.array([1])) == pytest.approx([-1e4])


def test_members_that_all_score_higher_are_all_found():
    found = membership.separation(np.array([3.0, 4.0, 1.0, 2.0]), FOUR, 0.95)
    assert (found.auc, found.rates[0].tpr) == (1.0, 1.0)


def test_the_area_counts_pairs_and_half_of_ties():
    # Of the four pairs two are won, one is a tie and one is lost.
    found = membership.separation(np.array([3.0, 1.0, 1.0, 2.0]), FOUR, 0.95)
    assert found.auc == pytest.approx((2 + 0.5 + 0) / 4)


def test_equal_scores_find_nobody():
    found = membership.separation(np.zeros(4), FOUR, 0.95)
    assert (found.auc, found.rates[0].tpr) == (0.5, 0.0)


def test_a_rate_allows_no_more_false_alarms_than_it_says():
    others = np.arange(200.0)
    scores = np.concatenate([np.full(100, 197.5), others])
    found = membership.separation(scores, np.arange(300) < 100, 0.95, (0.005, 0.01))
    assert [rate.tpr for rate in found.rates] == [0.0, 1.0]  # of 200 others one, then two may score higher


def test_intervals_hold_the_truth_as_often_as_they_say():
    held = 0
    for seed in range(100):
        rng = stream(seed, "scores")
        scores = np.concatenate([rng.normal(0.5, 1, 200), rng.normal(0, 1, 200)])
        found = membership.separation(scores, np.arange(400) < 200, 0.95)
        held += found.low <= 0.6382 <= found.high  # Phi(0.5 / sqrt 2)
    assert held >= 90


def test_one_member_is_too_few():
    with pytest.raises(ValueError, match="too few to tell apart"):
        membership.separation(np.zeros(3), np.array([True, False, False]), 0.95)


@pytest.mark.parametrize("attack", [membership.lira, membership.rmia])
def test_references_make_up_for_records_that_are_easy_anyway(attack):
    rng = stream(1, "references")
    members = np.arange(400) < 200
    ease = rng.normal(0, 3, 400)  # hides membership from a threshold on the loss
    target = ease + members * 1.0 + rng.normal(0, 0.3, 400)
    without = rng.random((8, 400)) < 0.5
    references = ease + ~without * 1.0 + rng.normal(0, 0.3, (8, 400))
    plain = membership.separation(target, members, 0.95)
    aided = membership.separation(attack(target, references, without), members, 0.95)
    assert aided.auc > plain.auc + 0.1


def test_a_record_that_every_reference_knows_still_has_a_score():
    scores = membership.lira(np.zeros(3), np.zeros((2, 3)), np.zeros((2, 3), np.bool_))
    assert np.isfinite(scores).all()
