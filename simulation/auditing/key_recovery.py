"""The key-recovery attack on a run's scheme, in an exchange of its own: a run keeps nothing that it could work on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from privacy import ciphertexts, fixed_point
from privacy.audits import key_recovery
from privacy.audits.key_recovery import Floats, Opened
from privacy.contexts import SchemeName, new_context
from privacy.findings import Finding
from privacy.fixed_point import Integers
from privacy.protections import Homomorphic
from scenarios.seeds import stream
from simulation.auditing.subject import Subject

_SLOTS = ciphertexts.SLOTS["ckks"]
_UPDATE_SIZE = 0.05
_EXCHANGE = "an exchange of its own: two rounds of two clients with a fresh key, through the run's own primitives"


@dataclass(frozen=True)
class _Exchange:
    """Two rounds under one key: each client's upload and its integers, and the sums that the key holder decrypts."""

    secret: bytes
    uploads: Sequence[bytes]
    updates: Sequence[Integers]
    sums: Sequence[bytes]


def findings(subject: Subject) -> list[Finding]:
    """What the sums give away as the run's scheme shares them, and of CKKS also what rounding them prevents."""
    protection, seed = subject.scenario.protection, subject.scenario.seed
    assert isinstance(protection, Homomorphic)
    if protection.scheme == "bfv":
        return [_exact(seed)]
    exchange = _exchange(protection, seed)
    raw = [ciphertexts.decrypt_unrounded(exchange.secret, one, _SLOTS) for one in exchange.sums]
    whole = [ciphertexts.decrypt("ckks", exchange.secret, one, _SLOTS) for one in exchange.sums]
    rounded = [one.astype(np.float64) * 2.0**-19 for one in whole]
    return [_unrounded(exchange, raw, seed), _rounded(exchange, rounded, seed)]


def _exchange(protection: Homomorphic, seed: int) -> _Exchange:
    rng = stream(seed, "audit", "key-recovery")
    secret, public = new_context("ckks")
    drawn = [(rng.normal(0.0, _UPDATE_SIZE, _SLOTS) * protection.value_range).astype(np.float32) for _ in range(4)]
    updates = [fixed_point.quantise(update, 0.5, protection.value_range)[0] for update in drawn]
    uploads = [ciphertexts.encrypt("ckks", public, update) for update in updates]
    sums = [_sum("ckks", public, uploads[:2]), _sum("ckks", public, uploads[2:])]
    return _Exchange(secret, uploads, updates, sums)


def _sum(scheme: SchemeName, public: bytes, uploads: Sequence[bytes]) -> bytes:
    running = ciphertexts.RunningSum(scheme, public, 1)
    for upload in uploads:
        running.add(upload)
    return running.to_bytes()


def _unrounded(exchange: _Exchange, values: Sequence[Floats], seed: int) -> Finding:
    """Two sums shared as they were decrypted. Not what the run does, so whatever comes of it contradicts nothing."""
    key = key_recovery.recover(*map(Opened, exchange.sums, values))
    opened = 0
    if key is not None:
        read = [np.rint(key_recovery.open_with(key, upload) * 2.0**19) for upload in exchange.uploads]
        opened = sum(bool((one == update).all()) for one, update in zip(read, exchange.updates, strict=True))
    said = (
        f"the whole secret key came out, and with it {opened} of 4 single updates"
        if key is not None
        else "no key came out"
    )
    return _finding(
        f"CKKS sums shared unrounded, which this run does not do: from two of them {said}. Made in {_EXCHANGE}.",
        "secret key recovered from unrounded sums",
        key is not None,
        {"scheme": "ckks", "shared": "float64 as decrypted", "single_updates_opened": opened},
        seed,
    )


def _rounded(exchange: _Exchange, values: Sequence[Floats], seed: int) -> Finding:
    """Two sums as the run shares them."""
    found = key_recovery.recover(*map(Opened, exchange.sums, values)) is not None
    said = (
        "the whole secret key came out: rounding does not keep it"
        if found
        else "the same attack gives no key: the noise it needs is rounded away. That this attack fails is no proof"
    )
    return _finding(
        f"CKKS sums as this run shares them, rounded to the integers that were added: {said}. Made in {_EXCHANGE}.",
        "secret key recovered from sums as shared",
        found,
        {"scheme": "ckks", "shared": "integers"},
        seed,
    )


def _exact(seed: int) -> Finding:
    """BFV decrypts to integers and nothing else."""
    secret, public = new_context("bfv")
    zeros = np.zeros(ciphertexts.SLOTS["bfv"], np.int64)
    total = _sum("bfv", public, [ciphertexts.encrypt("bfv", public, zeros) for _ in range(2)])
    exact = not ciphertexts.decrypt("bfv", secret, total, zeros.size).any()
    found = key_recovery.recover_from_exact(total) is not None
    why = "a decrypted sum is the exact sum and depends on no key; the noise of encryption, which the attack solves for"
    said = "the key came out" if found or not exact else f"no key comes out: {why}, is gone. That is no proof"
    return _finding(
        f"BFV sums as this run shares them: {said}. Made in {_EXCHANGE.replace('two rounds', 'one round')}.",
        "secret key recovered from sums as shared",
        found,
        {"scheme": "bfv", "shared": "integers", "decrypted_exactly": exact},
        seed,
    )


def _finding(statement: str, figure: str, found: bool, facts: dict[str, object], seed: int) -> Finding:
    shared = figure.endswith("as shared")
    return Finding(
        kind="key-recovery",
        statement=statement,
        figure=figure,
        value=float(found),
        facts={**facts, "exchange": _EXCHANGE, "needs": "two sums under one key and what they decrypted to"},
        seed=seed,
        made_by="privacy.audits.key_recovery.recover" + ("_from_exact" if facts["scheme"] == "bfv" else ""),
        contradiction=found and shared,
    )
