import functools

import numpy as np
import pytest

from privacy.audits import canary
from privacy.calibration import calibrate
from privacy.ledger import Charge
from scenarios.seeds import noise_stream, stream, torch_stream

DELTA = 1e-5
RATE, STEPS = 0.1, 60


@functools.cache
def rows_for(claimed):
    """What the ledger says costs this epsilon."""
    noise = calibrate(lambda tried: (Charge("all", "dp-sgd", tried, RATE, STEPS),), claimed, DELTA)
    return (Charge("all", "dp-sgd", noise, RATE, STEPS),)


def released(rows, seed=0, noise_factor=1.0, canaries=2000):
    included = stream(seed, "coins").random(canaries) < 0.5
    return canary.release(rows, 1.0, included, torch_stream(seed, "b"), noise_stream(seed, "n"), noise_factor)


def bounds(claimed, noise_factor):
    return [canary.bound(released(rows_for(claimed), seed, noise_factor), DELTA).epsilon for seed in range(20)]


@pytest.mark.parametrize("claimed", [1.0, 3.0])
def test_the_mechanism_as_it_is_is_never_flagged(claimed):
    assert sum(bound > claimed for bound in bounds(claimed, 1.0)) == 0


@pytest.mark.parametrize("claimed", [1.0, 3.0])
def test_a_tenth_of_the_noise_is_flagged(claimed):
    assert sum(bound > claimed for bound in bounds(claimed, 0.1)) >= 19


@pytest.mark.parametrize("claimed", [1.0, 3.0])
def test_no_noise_is_always_flagged(claimed):
    assert sum(bound > claimed for bound in bounds(claimed, 0.0)) == 20


def test_clipping_that_does_not_clip_is_flagged(monkeypatch):
    monkeypatch.setattr(canary, "clip_factors", lambda squared_norms, _: squared_norms.new_ones(len(squared_norms)))
    assert min(bounds(3.0, 1.0)) > 3.0


def test_the_bound_says_something_about_the_mechanism_as_it_is():
    assert canary.bound(released(rows_for(3.0)), DELTA).epsilon > 0.3


def test_what_can_be_certified_is_what_right_guesses_give():
    found = canary.bound(released(rows_for(3.0), noise_factor=0.0), DELTA)
    assert 4.5 < found.epsilon <= canary.most(2000, DELTA)


def test_the_noise_measures_what_it_should():
    found = canary.noise_of(released(rows_for(8.0)), 0.999)
    assert found.low < 1.0 < found.high
    assert found.too_little > 0.001


@pytest.mark.parametrize("factor", [0.0, 0.1, 0.5, 0.9])
def test_too_little_noise_is_measured_where_no_bound_could_tell(factor):
    found = canary.noise_of(released(rows_for(8.0), noise_factor=factor), 0.999)
    assert found.too_little < 1e-3
    assert found.ratio == pytest.approx(factor, abs=0.02)


def test_a_canary_counts_for_one_clip_norm_in_the_steps_it_is_in():
    # Hardly any noise: the scores of canaries in and out lie far apart, on either side of zero.
    rows = (Charge("all", "dp-sgd", 0.05, 1.0, 1),)
    found = released(rows, canaries=100)
    assert np.array_equal(found.scores > 0, found.included)
    assert found.scores[found.included].mean() == pytest.approx(1 / (2 * 0.05**2), rel=0.1)


def test_no_canary_in_is_a_run_of_noise():
    rows = (Charge("all", "dp-sgd", 1.0, 0.5, 10),)
    found = canary.release(rows, 1.0, np.zeros(100, np.bool_), torch_stream(0, "b"), noise_stream(0, "n"))
    assert canary.bound(found, DELTA).correct == canary.bound(found, DELTA).guesses // 2


def test_rows_of_other_noise_compose():
    rows = (Charge("all", "dp-sgd", 2.0, 0.5, 10), Charge("all", "statistics", 4.0, 1.0, 1))
    found = released(rows)
    assert found.noise_draws == 11 * canary.IDLE
    assert canary.noise_of(found, 0.999).too_little > 0.001


def test_the_same_streams_release_the_same():
    one, other = released(rows_for(1.0)), released(rows_for(1.0))
    assert np.array_equal(one.scores, other.scores)


def test_no_noise_multiplier_of_zero_is_ever_called_private():
    with pytest.raises(ValueError, match="noise_multiplier must be positive"):
        released((Charge("all", "dp-sgd", 0.0, 0.5, 10),))


def test_a_run_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="too many to play"):
        released((Charge("all", "dp-sgd", 1.0, 0.5, 10**12),))
