"""What a membership finding says of rates at few false alarms: by hand, and of guessers."""

import numpy as np
import pytest

from privacy.audits.separation import Rate
from scenarios.audits import MembershipInference
from scenarios.seeds import stream
from simulation.auditing import membership

ASKED = 200
MEMBERS = np.arange(2 * ASKED) < ASKED


def finding(scores):
    return membership._finding("loss", scores, MEMBERS, MembershipInference(kind="membership-inference"), 7)


def test_what_chance_gives_is_counted_by_hand():
    # Two members and two others lie in any of six orders; in one both members come before the first of the others.
    assert membership.judged(Rate(0.01, 1.0, 0.2, 1.0), 2, 2, 0.95).by_chance == pytest.approx(1 / 6)
    # One member or more does so unless one of the others is first.
    assert membership.judged(Rate(0.01, 0.5, 0.1, 0.9), 2, 2, 0.95).by_chance == pytest.approx(1 / 2)
    assert membership.judged(Rate(0.01, 0.0, 0.0, 0.8), 2, 2, 0.95).by_chance == 1.0


def test_false_alarms_among_all_others_lie_where_order_statistics_do():
    # Both of two others lie below what a share a of all others exceeds with probability (1 - a)^2.
    one = membership.judged(Rate(0.01, 0.0, 0.0, 0.8), 2, 2, 0.95)
    assert one.fpr_low == pytest.approx(1 - 0.975**0.5)
    assert one.fpr_high == pytest.approx(1 - 0.025**0.5)


def test_of_all_guessers_no_more_than_said_are_taken_for_better():
    taken = sum("more than guessing" in finding(stream(seed, "guesser").normal(size=2 * ASKED)).statement
                for seed in range(400))  # fmt: skip
    assert taken <= 20  # of 400, 2.5% are 10 and the standard deviation is 3


def test_a_threshold_that_few_of_the_others_set_is_not_taken_for_what_all_of_them_give():
    # Six members above the score that two of the 200 others exceed: 3.0%, whose own interval leaves out 1.0%.
    scores = np.concatenate([np.linspace(0.0, 1.0, ASKED), np.linspace(0.0, 1.0, ASKED)])
    scores[:4] = 2.0  # beside the two highest of the members, which stand as high as those of the others
    found = finding(scores)
    rate = found.facts["true_positive_rates"][0]
    assert (rate["tpr"], rate["fpr"] < rate["low"]) == (pytest.approx(0.03), True)
    assert found.low <= 0.5 <= found.high
    assert "cannot be told from guessing: AUC" in found.statement
    assert (
        "it finds 3.0% of members (1.1% to 6.4%) at no more than 1.0% false alarms among the others asked about "
        "(0.3% to 3.6% among all others), which guessing finds, too"
    ) in found.statement
    assert "more than guessing" not in found.statement


def test_a_few_members_that_stand_out_are_told_where_the_area_says_nothing():
    scores = np.concatenate([np.linspace(0.0, 1.0, ASKED), np.linspace(0.0, 1.0, ASKED)])
    scores[:20] = 2.0
    scores[ASKED - 20 : ASKED] = -1.0
    found = finding(scores)
    assert found.low <= 0.5 <= found.high
    assert "cannot be told from guessing over all records, but tells some members from others: AUC" in found.statement
    assert "10.0% of members (6.2% to 15.0%) at no more than 1.0%" in found.statement
    assert "among all others), more than guessing finds" in found.statement
