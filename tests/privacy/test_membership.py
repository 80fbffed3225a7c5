import numpy as np
import pytest

from privacy.audits import membership
from privacy.audits.separation import separation
from scenarios.seeds import stream


def test_confidence_is_the_logit_of_the_true_class():
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.7, 0.2, 0.1]]))
    found = membership.confidences(logits, np.array([0, 2]))
    assert found == pytest.approx([np.log(0.7 / 0.3), np.log(0.1 / 0.9)])


def test_confidence_of_a_sure_model_is_finite():
    assert membership.confidences(np.array([[1e4, 0.0]]), np.array([1])) == pytest.approx([-1e4])


@pytest.mark.parametrize("attack", [membership.lira, membership.rmia])
def test_references_make_up_for_records_that_are_easy_anyway(attack):
    rng = stream(1, "references")
    members = np.arange(400) < 200
    ease = rng.normal(0, 3, 400)  # hides membership from a threshold on the loss
    target = ease + members * 1.0 + rng.normal(0, 0.3, 400)
    without = rng.random((8, 400)) < 0.5
    references = ease + ~without * 1.0 + rng.normal(0, 0.3, (8, 400))
    plain = separation(target, members, 0.95)
    aided = separation(attack(target, references, without), members, 0.95)
    assert aided.auc > plain.auc + 0.1


def test_a_record_that_every_reference_knows_still_has_a_score():
    scores = membership.lira(np.zeros(3), np.zeros((2, 3)), np.zeros((2, 3), np.bool_))
    assert np.isfinite(scores).all()
