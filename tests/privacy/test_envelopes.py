from dataclasses import replace

import pytest

from privacy import envelopes
from privacy.envelopes import Binding
from privacy.errors import Rejected

KEY = envelopes.new_signing_key(bytes(32))
PUBLIC = envelopes.public_key_of(KEY)
BINDING = Binding("a-run", 5, 2, 0.25, b"c" * 32)


def opened(blob, expected=BINDING, public=PUBLIC, body_bytes=4):
    return envelopes.open_envelope(blob, public, expected, body_bytes)


def test_what_was_sealed_opens():
    blob = envelopes.seal(KEY, BINDING, b"body")
    assert len(blob) == envelopes.OVERHEAD_BYTES + 4 == 204
    assert opened(blob) == b"body"


def test_the_body_is_named_by_its_blake3_hash():
    # The first of the published test vectors: the hash of nothing. It stands before the signature of 64 bytes.
    blob = envelopes.seal(KEY, BINDING, b"")
    assert blob[4] == 2
    assert blob[-96:-64].hex() == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"run": "b-run"}, "meant for another run"),
        ({"round": 3}, "meant for round 3, this is round 5"),
        ({"client": 1}, "sent by client 1, not by client 2"),
        ({"context": bytes(32)}, "encrypted under another context"),
        ({"weight": 0.25000000000000006}, "claims another weight"),
        ({"weight": float("nan")}, "claims another weight"),
    ],
)
def test_an_envelope_opens_for_one_binding_only(change, reason):
    blob = envelopes.seal(KEY, replace(BINDING, **change), b"body")
    with pytest.raises(Rejected, match=reason):
        opened(blob)


def test_a_changed_body_is_seen():
    blob = envelopes.seal(KEY, BINDING, b"body")
    with pytest.raises(Rejected, match="body was changed"):
        opened(blob[:-1] + b"Y")


def test_another_clients_key_does_not_sign():
    other = envelopes.new_signing_key(b"\1" * 32)
    with pytest.raises(Rejected, match="signature does not match"):
        opened(envelopes.seal(other, BINDING, b"body"))


@pytest.mark.parametrize("length", [0, 1, 135, 199, 200, 203])
def test_truncated_envelopes_are_refused_by_their_length(length):
    with pytest.raises(Rejected, match=f"is {length} bytes, not 204"):
        opened(envelopes.seal(KEY, BINDING, b"body")[:length])


def test_nothing_may_follow():
    with pytest.raises(Rejected, match="is 205 bytes"):
        opened(envelopes.seal(KEY, BINDING, b"body") + b"\0")


def test_every_single_bit_counts():
    blob = envelopes.seal(KEY, BINDING, b"body")
    for bit in range(8 * len(blob)):
        changed = bytearray(blob)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Rejected):
            opened(bytes(changed))


def test_a_registered_key_that_is_none_rejects():
    with pytest.raises(Rejected, match="not an Ed25519 key"):
        opened(envelopes.seal(KEY, BINDING, b"body"), public=b"short")


def test_keys_come_from_entropy_alone():
    assert envelopes.new_signing_key(b"\7" * 32) == envelopes.new_signing_key(b"\7" * 32)
    assert envelopes.new_signing_key(b"\7" * 32) != envelopes.new_signing_key(b"\x08" * 32)
    with pytest.raises(ValueError, match="32 bytes of entropy"):
        envelopes.new_signing_key(b"short")


@pytest.mark.parametrize("change", [{"client": -1}, {"round": 2**64}, {"context": b"short"}])
def test_a_binding_that_cannot_be_written_is_an_error(change):
    with pytest.raises(ValueError, match=r"cannot be written|context hash has"):
        envelopes.seal(KEY, replace(BINDING, **change), b"")


def test_only_the_very_object_that_was_sealed_here_is_taken_for_verified(monkeypatch):
    monkeypatch.setattr(envelopes, "_verify", lambda public_key, signature, signed: pytest.fail("verified"))
    blob = envelopes.seal(KEY, BINDING, b"body")
    copy = bytes(bytearray(blob))
    assert opened(blob) == b"body"
    with pytest.raises(pytest.fail.Exception, match="verified"):
        opened(copy)


def test_what_a_worker_sealed_is_taken_for_verified_with_the_key_it_was_vouched_for(monkeypatch):
    first, second = (bytes(bytearray(envelopes.seal(KEY, BINDING, b"body"))) for _ in range(2))
    monkeypatch.setattr(envelopes, "_verify", lambda public_key, signature, signed: pytest.fail("verified"))
    envelopes.vouch(first, KEY)
    assert opened(first) == b"body"
    envelopes.vouch(second, envelopes.new_signing_key(b"\x08" * 32))
    with pytest.raises(pytest.fail.Exception, match="verified"):
        opened(second)


def test_an_envelope_vouched_for_is_still_bound():
    blob = bytes(bytearray(envelopes.seal(KEY, BINDING, b"body")))
    envelopes.vouch(blob, KEY)
    with pytest.raises(Rejected, match="meant for round"):
        envelopes.open_envelope(blob, PUBLIC, replace(BINDING, round=BINDING.round + 1), 4)


def test_an_empty_key_verifies_nothing():
    blob = envelopes.seal(KEY, BINDING, b"body")
    with pytest.raises(Rejected, match="not an Ed25519 key"):
        opened(bytes(bytearray(blob)), public=b"")
