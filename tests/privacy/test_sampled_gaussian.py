import math

import numpy as np
import pytest
import torch
from opacus.utils.uniform_sampler import UniformWithReplacementSampler

from privacy.noise import KeyedNoise
from privacy.sampled_gaussian import clip_factors, draw_gaussian, poisson_batches


def seeded(number):
    return torch.Generator().manual_seed(number)


@pytest.mark.parametrize(
    ("records", "rate", "steps"), [(1, 0.5, 7), (17, 0.3, 5), (40, 0.25, 20), (5, 1.0, 2), (3000, 0.01, 999)]
)
def test_batches_are_those_of_opacus_and_leave_the_generator_where_it_does(records, rate, steps):
    ours, theirs = seeded(4), seeded(4)
    sampler = UniformWithReplacementSampler(num_samples=records, sample_rate=rate, generator=theirs, steps=steps)
    assert [batch.tolist() for batch in poisson_batches(records, rate, steps, ours)] == list(sampler)
    assert torch.equal(ours.get_state(), theirs.get_state())


def test_a_coin_at_the_rate_in_float32_is_no_member_as_opacus_has_it():
    rate = np.float64(torch.rand(40, generator=seeded(4))[7]) + 1e-12
    sampler = UniformWithReplacementSampler(num_samples=40, sample_rate=rate, generator=seeded(4), steps=1)
    (batch,) = poisson_batches(40, rate, 1, seeded(4))
    assert 7 not in batch
    assert [batch.tolist()] == list(sampler)


def test_as_many_rates_as_records_are_the_same_coins():
    own = np.full(17, 0.3, np.float32)
    for batch, other in zip(
        poisson_batches(17, own, 5, seeded(4)), poisson_batches(17, 0.3, 5, seeded(4)), strict=True
    ):
        assert batch.tolist() == other.tolist()


def test_each_record_enters_with_its_own_rate():
    rates = np.array([0.0, 0.2, 1.0], np.float32)
    taken = np.concatenate(poisson_batches(3, rates, 5000, seeded(4)))
    assert np.bincount(taken, minlength=3) / 5000 == pytest.approx([0.0, 0.2, 1.0], abs=0.02)


def test_nobody_to_sample_from_is_refused():
    with pytest.raises(ValueError, match="record"):
        poisson_batches(0, 0.5, 1, seeded(1))


def test_short_gradients_are_kept_and_long_ones_cut_to_the_clip_norm():
    factors = clip_factors(torch.tensor([0.0, 0.25, 4.0, 100.0]), torch.tensor(1.0))
    assert factors.tolist() == pytest.approx([1.0, 1.0, 0.5, 0.1], abs=1e-5)


def test_noise_is_scaled_and_fills_what_it_is_given():
    buffer = torch.full((3, 700), math.nan)
    found = draw_gaussian(buffer, 1.5, KeyedNoise(bytes(32)))
    assert found is buffer
    assert np.array_equal(
        found.numpy().ravel(), KeyedNoise(bytes(32)).fill(np.empty(2100, np.float32)) * np.float32(1.5)
    )
