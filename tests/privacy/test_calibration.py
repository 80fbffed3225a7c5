import math

import pytest

from privacy import accounting
from privacy.calibration import calibrate
from privacy.ledger import Charge


@pytest.mark.parametrize("target", [1.0, 3.0, 8.0])
def test_calibrated_noise_spends_just_under_the_target(target):
    def rows_at(noise):
        return (Charge("all", "dp-sgd", noise, 0.5, 40),)

    spent = accounting.epsilon(rows_at(calibrate(rows_at, target, 1e-5)), 1e-5)
    assert 0.99 * target < spent <= target


@pytest.mark.parametrize("target", [0.3, 8.0, 2000.0])
@pytest.mark.parametrize(("rate", "steps"), [(0.003, 1000), (0.5, 40), (1.0, 1)])
def test_calibration_gives_what_halving_gives_and_asks_for_fewer_epsilons(rate, steps, target):
    asked = []

    def rows_at(noise):
        asked.append(noise)
        return (Charge("all", "dp-sgd", noise, rate, steps),)

    low, high = 0.05, 1000.0
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if accounting.epsilon(rows_at(middle), 1e-5) > target else (low, middle)
    halving = len(asked)
    asked.clear()
    assert calibrate(rows_at, target, 1e-5) == high
    assert len(asked) <= 0.8 * halving
