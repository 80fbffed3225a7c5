import json
import math
from pathlib import Path

import pytest

from privacy.audits.one_run import (
    epsilon_lower_bound,
    epsilon_on_a_gaussian_curve,
    gaussian_epsilon,
    p_value,
)

VECTORS = json.loads((Path(__file__).parent / "one_run_audit.json").read_text())["vectors"]


@pytest.mark.parametrize("vector", VECTORS)
def test_the_bound_is_the_published_one(vector):
    bound = epsilon_lower_bound(
        vector["canaries"], vector["guesses"], vector["correct"], vector["delta"], vector["confidence"]
    )
    assert round(bound, 4) == vector["epsilon_lower_bound"]


def test_without_delta_all_right_guesses_bound_by_the_binomial_alone():
    # (e^eps / (1 + e^eps))^10 = 0.05, by hand.
    rate = 0.05 ** (1 / 10)
    assert p_value(10, 10, 10, 0.0, 0.0) == pytest.approx(2**-10)
    assert epsilon_lower_bound(10, 10, 10, 0.0) == pytest.approx(math.log(rate / (1 - rate)), abs=1e-6)


def test_guesses_no_better_than_coins_say_nothing():
    assert epsilon_lower_bound(1000, 1000, 500, 1e-5) == 0.0
    assert epsilon_on_a_gaussian_curve(1000, 1000, 500, 1e-5) == 0.0


def test_no_guess_says_nothing():
    assert epsilon_lower_bound(100, 0, 0, 1e-5) == epsilon_on_a_gaussian_curve(100, 0, 0, 1e-5) == 0.0


@pytest.mark.parametrize("bound", [epsilon_lower_bound, epsilon_on_a_gaussian_curve])
def test_more_right_guesses_bound_more(bound):
    found = [bound(1000, 500, correct, 1e-5) for correct in (300, 350, 400, 450, 500)]
    assert found == sorted(found)
    assert found[0] < found[-1]


def test_more_confidence_bounds_less():
    assert epsilon_lower_bound(1000, 500, 400, 1e-5, 0.99) < epsilon_lower_bound(1000, 500, 400, 1e-5, 0.95)


def test_the_gaussian_curve_gives_the_tighter_figure():
    assert epsilon_on_a_gaussian_curve(1000, 100, 95, 1e-5) > epsilon_lower_bound(1000, 100, 95, 1e-5)


def test_a_gaussian_of_noise_one_costs_what_is_known():
    assert gaussian_epsilon(1.0, 1e-5) == pytest.approx(4.377, abs=1e-3)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="11 of 10 guesses about 100"):
        p_value(100, 10, 11, 1.0, 1e-5)
