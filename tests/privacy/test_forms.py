import numpy as np
import pytest

from privacy import ciphertexts, envelopes
from privacy.ciphertexts import CIPHERTEXT_BYTES
from privacy.contexts import new_context
from privacy.envelopes import Binding
from privacy.forms import form_of
from scenarios.seeds import stream


@pytest.fixture(scope="module", params=["bfv", "ckks"])
def keys(request):
    return request.param, *new_context(request.param)


def test_contexts_with_and_without_the_secret_key(keys):
    _, secret, public = keys
    assert form_of(secret) == "secret-context"
    assert form_of(public) == "public-context"


def test_ciphertexts_whatever_they_hold(keys):
    scheme, _, public = keys
    for content in (np.zeros(5000, np.int64), np.arange(5000)):
        assert form_of(ciphertexts.encrypt(scheme, public, content)) == "ciphertext"


def test_a_sum_of_ciphertexts(keys):
    scheme, _, public = keys
    total = ciphertexts.RunningSum(scheme, public, 1)
    for _ in range(3):
        total.add(ciphertexts.encrypt(scheme, public, np.arange(2000)))
    assert form_of(total.to_bytes()) == "ciphertext"


def test_an_envelope_is_told_by_its_body(keys):
    scheme, _, public = keys
    key = envelopes.new_signing_key(bytes(32))

    def sealed(body):
        return form_of(envelopes.seal(key, Binding("run", 1, 0, 0.5), body))

    assert sealed(ciphertexts.encrypt(scheme, public, np.arange(9))) == "ciphertext"
    assert sealed(np.ones(1000, "<f4").tobytes()) == "clear"


@pytest.mark.parametrize(
    "numbers",
    [
        np.zeros(16384, "<f4"),
        stream(1, "update").normal(0, 0.01, 16384).astype("<f4"),
        stream(1, "update").normal(0, 1e-42, 16384).astype("<f4"),
        stream(1, "update").integers(-99, 99, 8192).astype("<i8"),
        stream(1, "update").integers(0, 2**59, 8192).astype("<u8"),
        stream(1, "update").integers(0, 2**64, 8192, dtype=np.uint64),
        np.full(8192, 2**59, "<u8"),
    ],
)
def test_data_of_a_ciphertexts_size_that_are_none(numbers):
    assert len(numbers.tobytes()) == CIPHERTEXT_BYTES
    assert form_of(numbers.tobytes()) == "clear"


def test_numbers_behind_a_true_ciphertext(keys):
    scheme, _, public = keys
    body = ciphertexts.encrypt(scheme, public, np.arange(9)) + np.ones(16384, "<f4").tobytes()
    assert form_of(body) == "clear"


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (1, "figure"),
        (0.5, "figure"),
        ("words", "text"),
        (bytes(32), "short"),
        (b"FCUP", "short"),
        ([1.0, 2.0], "clear"),
        (bytes(65), "clear"),
        (b"\x0a\x02ab" + bytes(90), "clear"),
        (b"\x0a\x02ab\x12\x7f" + bytes(127), "clear"),
        (b"\x0a\x02ab\x12\x7f" + bytes(127) + b"\x1a\x01a", "clear"),
    ],
)
def test_everything_else(value, form):
    assert form_of(value) == form
