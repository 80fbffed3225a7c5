import functools

import numpy as np
import pytest
import tenseal
from tenseal import sealapi

from privacy import ciphertexts, contexts
from privacy.ciphertexts import CIPHERTEXT_BYTES, RunningSum
from privacy.contexts import COEFFICIENT_PRIME, DEGREE, PLAIN_MODULUS, PRIME_BITS
from privacy.errors import Rejected

SCHEMES = ("bfv", "ckks")

new_context = functools.cache(contexts.new_context)


def integers(count, low=-80_000, high=80_000):
    return np.random.default_rng(1).integers(low, high, count)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("slots", [1, 2048, 2049, 5000])
def test_sums_under_encryption_are_exact(scheme, slots):
    secret, public = new_context(scheme)
    values = integers(slots)
    running = RunningSum(scheme, public, ciphertexts.ciphertexts_for(scheme, slots))
    for factor in (1, 2, -1):
        running.add(ciphertexts.encrypt(scheme, public, values * factor))
    np.testing.assert_array_equal(ciphertexts.decrypt(scheme, secret, running.to_bytes(), slots), 2 * values)


def test_largest_slots_survive():
    secret, public = new_context("bfv")
    extreme = np.array([2**39 - 2**19 - 1, -(2**39 - 2**19 - 1)])
    np.testing.assert_array_equal(
        ciphertexts.decrypt("bfv", secret, ciphertexts.encrypt("bfv", public, extreme), 2), extreme
    )


@pytest.mark.parametrize(("scheme", "beyond"), [("bfv", 2**39), ("ckks", 2**19)])
def test_slots_out_of_range_are_refused(scheme, beyond):
    with pytest.raises(ValueError, match="magnitudes below"):
        ciphertexts.encrypt(scheme, new_context(scheme)[1], np.array([-beyond]))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_noise_leaves_room_for_the_most_clients(scheme):
    # 4,096 independent ciphertexts carry 64 times the noise of one; sixty-four times the same one carry as much.
    secret, public = new_context(scheme)
    values = integers(2048, -8000, 8000)
    one = ciphertexts.encrypt(scheme, public, values)
    running = RunningSum(scheme, public, 1)
    for _ in range(64):
        running.add(one)
    np.testing.assert_array_equal(ciphertexts.decrypt(scheme, secret, running.to_bytes(), 2048), 64 * values)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_public_context_cannot_decrypt(scheme):
    _, public = new_context(scheme)
    context = contexts.load_public(scheme, public)
    assert context.is_public()
    assert not context.is_private()
    assert not context.has_secret_key()
    vector = tenseal.bfv_vector(context, [1, 2]) if scheme == "bfv" else tenseal.ckks_vector(context, [1.0, 2.0])
    for attempt in (context.secret_key, context.decryptor, vector.decrypt, context.generate_galois_keys):
        with pytest.raises(ValueError, match=r"(?i)secret|decryption"):
            attempt()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_part_of_the_secret_key_is_in_the_public_context(scheme):
    secret, public = new_context(scheme)
    parameters, at = contexts._take(secret, 1, 0)
    rest, at = contexts._take(secret, 2, at)
    private, at = contexts._take(secret, 3, at)
    assert at == len(secret)
    key, _ = contexts._take(private, 1, 0)
    assert len(key) > 30_000
    # Past SEAL's header and the zstd dictionary of parameters that all objects of a context share.
    assert not any(key[start : start + 16] in public for start in range(256, len(key) - 16, 16))
    assert contexts._field(1, parameters) + contexts._field(2, rest) == public


@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_secret_key_decrypts_nothing(scheme):
    _, public = new_context(scheme)
    other, _ = contexts.new_context(scheme)
    values = integers(100)
    upload = ciphertexts.encrypt(scheme, public, values)
    with pytest.raises(Rejected, match="grid" if scheme == "ckks" else "padding"):
        ciphertexts.decrypt(scheme, other, upload, 100)
    full = np.resize(values, ciphertexts.SLOTS["bfv"])
    if scheme == "bfv":
        upload = ciphertexts.encrypt(scheme, public, full)
        assert np.mean(ciphertexts.decrypt(scheme, other, upload, full.size) == full) < 0.01


def test_the_coefficient_prime_is_the_one_seal_takes():
    primes = sealapi.CoeffModulus.Create(DEGREE, list(PRIME_BITS))
    assert primes[0].value() == COEFFICIENT_PRIME
    assert PLAIN_MODULUS % (2 * DEGREE) == 1
    assert sum(PRIME_BITS) <= sealapi.CoeffModulus.MaxBitCount(DEGREE, sealapi.SEC_LEVEL_TYPE.TC128)


def changed(upload, index, value):
    words = np.frombuffer(upload, "<u8").copy()
    words[index] = value
    return words.tobytes()


def hostile_uploads(good):
    zeros = bytes(CIPHERTEXT_BYTES // 2)
    return {
        "empty": b"",
        "a byte short": good[:-1],
        "a byte long": good + b"\0",
        "two": good + good,
        "at the prime": changed(good, 7, COEFFICIENT_PRIME),
        "all ones": changed(good, -1, 2**64 - 1),
        "random": np.random.default_rng(0).bytes(CIPHERTEXT_BYTES),
        "not encrypted": good[: len(zeros)] + zeros,
        "nothing at all": zeros + zeros,
    }


@pytest.mark.parametrize("scheme", SCHEMES)
def test_malformed_uploads_leave_the_sum_as_it_was(scheme):
    secret, public = new_context(scheme)
    values = integers(10)
    good = ciphertexts.encrypt(scheme, public, values)
    running = RunningSum(scheme, public, 1)
    running.add(good)
    for upload in hostile_uploads(good).values():
        with pytest.raises(Rejected):
            running.add(upload)
    np.testing.assert_array_equal(ciphertexts.decrypt(scheme, secret, running.to_bytes(), 10), values)


def test_a_sum_that_anyone_could_read_is_refused():
    secret, public = new_context("bfv")
    words = np.frombuffer(ciphertexts.encrypt("bfv", public, np.array([5])), "<u8")
    running = RunningSum("bfv", public, 1)
    running.add(words.tobytes())
    negative = (np.uint64(COEFFICIENT_PRIME) - words) % np.uint64(COEFFICIENT_PRIME)
    with pytest.raises(Rejected, match="cannot be added"):
        running.add(negative.tobytes())
    assert ciphertexts.decrypt("bfv", secret, running.to_bytes(), 1).tolist() == [5]


def hostile_contexts(scheme):
    secret, public = contexts.new_context(scheme)
    parameters, key, rest = contexts._split(public)
    other = contexts.new_context("ckks" if scheme == "bfv" else "bfv")[1]
    flipped = bytearray(public)
    flipped[100] ^= 1
    return {
        "nothing": b"",
        "a secret key": secret,
        "cut": public[:-1],
        "longer": public + b"\0",
        "huge": bytes(10**6),
        "another scheme": other,
        "no public key": contexts._assemble(parameters, b"", rest),
        "a short key": contexts._assemble(parameters, key[:5000], rest),
        "other flags": contexts._assemble(parameters, key, rest + rest),
        "random": np.random.default_rng(0).bytes(len(public)),
        "endless length": b"\x0a" + b"\xff" * 40,
        "flipped": bytes(flipped),
    }


@pytest.mark.parametrize("scheme", SCHEMES)
def test_only_a_public_context_of_the_scheme_is_loaded(scheme):
    for context in hostile_contexts(scheme).values():
        with pytest.raises(Rejected):
            contexts.load_public(scheme, context)


def test_corrupted_public_keys_never_crash():
    _, public = new_context("bfv")
    rng = np.random.default_rng(3)
    for _ in range(100):
        context = bytearray(public)
        for at in rng.integers(70, len(public), 3):
            context[at] ^= int(rng.integers(1, 256))
        try:
            contexts.load_public("bfv", bytes(context))
        except Rejected:
            continue
