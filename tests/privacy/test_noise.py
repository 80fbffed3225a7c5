"""Noise: normal, named by its key, the same however it is asked for."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from scipy import stats

from privacy.noise import KeyedNoise, SystemNoise, require_noise

KEY = bytes(range(32))


def numbers(source, count):
    return source.fill(np.empty(count, np.float32))


BLOCK = 2048


@settings(deadline=None, max_examples=50)
@given(st.lists(st.one_of(st.integers(0, 40), st.integers(2000, 2100), st.just(40_000)), max_size=6))
def test_how_many_are_asked_for_at_a_time_does_not_matter(counts):
    source = KeyedNoise(KEY)
    found = np.concatenate([np.empty(0, np.float32), *(numbers(source, count) for count in counts)])
    assert np.array_equal(found, numbers(KeyedNoise(KEY), sum(counts)))


def test_numbers_that_were_handed_out_stay():
    source = KeyedNoise(KEY)
    first = numbers(source, 10)
    before = first.copy()
    numbers(source, 5000)
    assert np.array_equal(first, before)


def test_it_is_box_and_muller_of_the_counters_encrypted_under_the_key():
    counters = b"".join(number.to_bytes(16, "big") for number in range(2 * BLOCK * 4 // 16))
    encryptor = Cipher(algorithms.AES(KEY), modes.ECB()).encryptor()
    words = np.frombuffer(encryptor.update(counters), "<i4").astype(np.int64).reshape(2, 2, BLOCK // 2)
    radii = np.sqrt(-2.0 * np.log((words[:, 0] + 2**31 + 0.5) / 2**32))
    angles = words[:, 1] * np.pi / 2**31
    expected = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    assert np.abs(numbers(KeyedNoise(KEY), 2 * BLOCK) - expected.reshape(-1)).max() < 3e-6


class Words:
    """A key stream whose first words make the radii of a block."""

    def __init__(self, *words):
        self._words = words

    def update(self, zeros):
        words = np.zeros((len(zeros) // (4 * BLOCK), 2, BLOCK // 2), "<i4")
        words[:, 0, : len(self._words)] = self._words
        return words.tobytes()


def radii(*words):
    source = KeyedNoise(KEY)
    source._stream = Words(*words)
    drawn = numbers(source, BLOCK)
    assert np.isfinite(drawn).all()
    return drawn[: len(words)].tolist()  # the angles are 0


def test_the_words_at_the_ends_give_the_largest_and_the_smallest_numbers():
    assert radii(-(2**31), 2**31 - 1) == pytest.approx([math.sqrt(66 * math.log(2)), 2.0**-16])


def test_small_radii_are_as_fine_as_the_words_are():
    # In steps of float32 from 1 they were rings 3e-4 apart, or nothing at all, and whoever saw one knew what was added.
    words = np.arange(2**31 - 100, 2**31)
    expected = np.sqrt(2.0 * (2**31 - words - 0.5) / 2**32)
    assert radii(*words) == pytest.approx(expected.tolist(), rel=1e-6)


@pytest.mark.parametrize("source", [KeyedNoise(KEY), SystemNoise()], ids=lambda source: type(source).__name__)
def test_fine_numbers_are_normal_and_have_all_the_bits_of_float64(source):
    drawn = source.fine(100_000)
    assert stats.kstest(drawn, "norm").pvalue > 1e-4
    assert (drawn != drawn.astype(np.float32)).mean() > 0.999


@pytest.mark.parametrize("source", [KeyedNoise(KEY), SystemNoise()], ids=lambda source: type(source).__name__)
def test_the_numbers_are_normal_and_independent(source):
    drawn = numbers(source, 1_000_000).astype(np.float64)
    assert stats.kstest(drawn, "norm").pvalue > 1e-4
    assert abs(drawn.mean()) < 0.004
    assert drawn.var() == pytest.approx(1.0, abs=0.006)
    assert (drawn**4).mean() == pytest.approx(3.0, abs=0.05)
    assert stats.norm.sf(4) * 2e6 == pytest.approx((np.abs(drawn) > 4).sum(), abs=40)
    for lag in (1, 2, 1023, 1024, 1025, 2048):
        for powers in (drawn, drawn**2 - 1.0):
            assert abs(np.corrcoef(powers[:-lag], powers[lag:])[0, 1]) < 0.005


def test_two_keys_have_nothing_in_common():
    one, other = numbers(KeyedNoise(KEY), 100_000), numbers(KeyedNoise(bytes(32)), 100_000)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.015


def test_the_system_s_never_repeat():
    assert not np.array_equal(numbers(SystemNoise(), 10), numbers(SystemNoise(), 10))


@pytest.mark.parametrize("length", [0, 16, 33])
def test_a_key_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="a noise key has 32 bytes"):
        KeyedNoise(bytes(length))


@pytest.mark.parametrize("multiplier", [0.0, -1.0, float("nan")])
def test_a_noise_multiplier_that_is_not_positive_is_refused(multiplier):
    with pytest.raises(ValueError, match="noise_multiplier"):
        require_noise(multiplier)
