import time

import numpy as np
import pytest

from privacy import ciphertexts
from privacy.audits import key_recovery
from privacy.audits.key_recovery import Opened
from privacy.contexts import new_context
from scenarios.seeds import stream

SLOTS = ciphertexts.SLOTS["ckks"]


@pytest.fixture(scope="module")
def keys():
    return new_context("ckks")


def encrypted(keys, size, seed):
    integers = stream(seed, "update").integers(-size, size, SLOTS, endpoint=True)
    return integers, ciphertexts.encrypt("ckks", keys[1], integers)


def opened(keys, size, seed, rounded=False):
    _, upload = encrypted(keys, size, seed)
    if rounded:
        return Opened(upload, ciphertexts.decrypt("ckks", keys[0], upload, SLOTS) * 2.0**-19)
    return Opened(upload, ciphertexts.decrypt_unrounded(keys[0], upload, SLOTS))


@pytest.mark.parametrize("size", [0, 1000, 500_000])
def test_two_unrounded_decryptions_give_the_key_away_in_under_a_second(keys, size):
    one, other = opened(keys, size, 1), opened(keys, size, 2)
    key_recovery.recover(one, other)  # the roots are computed once a process
    begun = time.process_time()  # what else the machine does is no part of it
    key = key_recovery.recover(one, other)
    assert time.process_time() - begun < 1.0
    assert set(np.unique(key)) == {-1, 0, 1}


def test_the_key_comes_out_of_large_values_under_any_key():
    for _ in range(20):
        keys = new_context("ckks")
        assert key_recovery.recover(opened(keys, 500_000, 1), opened(keys, 500_000, 2)) is not None


def test_the_key_opens_an_upload_that_nobody_decrypted(keys):
    key = key_recovery.recover(opened(keys, 9000, 1), opened(keys, 9000, 2))
    integers, upload = encrypted(keys, 9000, 3)
    assert np.array_equal(np.rint(key_recovery.open_with(key, upload) * 2.0**19), integers)


@pytest.mark.parametrize("size", [0, 1000, 500_000])
def test_rounded_decryptions_give_no_key(keys, size):
    assert key_recovery.recover(opened(keys, size, 1, rounded=True), opened(keys, size, 2, rounded=True)) is None


def test_the_same_decryption_twice_gives_no_key(keys):
    one = opened(keys, 1000, 1)
    assert key_recovery.recover(one, one) is None


def test_decryptions_under_two_keys_give_no_key(keys):
    assert key_recovery.recover(opened(keys, 1000, 1), opened(new_context("ckks"), 1000, 2)) is None


def test_exact_sums_give_no_key():
    _, public = new_context("bfv")
    zeros = ciphertexts.encrypt("bfv", public, np.zeros(4096, np.int64))
    assert key_recovery.recover_from_exact(zeros) is None
