"""Sums of integers under encryption, with TenSEAL: encrypt, add as uploads arrive, decrypt.

- "bfv": 4,096 exact integer slots a ciphertext, magnitudes below 2^39.
- "ckks": 2,048 slots; an integer k, |k| < 2^19, travels as k / 2^19. CKKS decrypts to that plus noise, and handing the
  noise out gives the secret key away (Li and Micciancio 2021, IACR 2020/1533). `decrypt` therefore rounds back to the
  integers: what leaves it is the exact sum, bit for bit what BFV gives, with no noise left in it to learn from.

Encryption draws from the operating system, so ciphertexts differ from run to run; decrypted sums do not.

**What travels are bare coefficients**, 65,536 bytes a ciphertext, not TenSEAL's protobuf. Measured with TenSEAL 0.3.18:
a protobuf without ciphertexts kills the process (SIGSEGV), `sizes` beyond the slots read out of bounds or exhaust
memory. So the reader checks the length and that every coefficient is below the prime, and then frames the coefficients
itself, in the bytes that TenSEAL writes around any ciphertext of the scheme. A sender chooses nothing else of what
TenSEAL's parser reads, and coefficients in range are always a well-formed ciphertext. Whether it encrypts something
sensible cannot be seen: that is what checking the decrypted sum's range is for.
"""

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from privacy.contexts import COEFFICIENT_PRIME, DEGREE, SchemeName, load_public, load_secret, new_context
from privacy.errors import Rejected, RunFailed
from privacy.fixed_point import Integers

if TYPE_CHECKING:
    from tenseal import Context

SLOTS: dict[SchemeName, int] = {"bfv": DEGREE, "ckks": DEGREE // 2}
CIPHERTEXT_BYTES = 2 * DEGREE * 8

_LARGEST_SLOT: dict[SchemeName, int] = {"bfv": 2**39, "ckks": 2**19}
_CKKS_UNIT = 2.0**-19
_LARGEST_CKKS_ERROR = 0.25


class _Vector(Protocol):
    """What is used of TenSEAL's two classes of encrypted vectors, which carry no types of their own."""

    def __add__(self, other: "_Vector") -> "_Vector": ...

    def decrypt(self) -> list[float]: ...

    def serialize(self) -> bytes: ...


@dataclass(frozen=True)
class _Frame:
    """The bytes TenSEAL writes before and after a ciphertext's coefficients; the same for all of a scheme."""

    prefix: bytes
    suffix: bytes


def ciphertexts_for(scheme: SchemeName, slots: int) -> int:
    """How many ciphertexts hold `slots` slots; the last one is filled up with zeros."""
    return math.ceil(slots / SLOTS[scheme])


def encrypt(scheme: SchemeName, public: bytes, slots: Integers) -> bytes:
    """Encrypt int64[n] under a public context: `ciphertexts_for(scheme, n)` * 65,536 bytes.

    Raises ValueError on slots out of the scheme's range and Rejected on a context that is not a public one.
    """
    if slots.size and int(np.abs(slots).max()) >= _LARGEST_SLOT[scheme]:
        raise ValueError(f"slots of {scheme} hold magnitudes below {_LARGEST_SLOT[scheme]}")
    context = load_public(scheme, public)
    padded = np.zeros((ciphertexts_for(scheme, slots.size), SLOTS[scheme]), dtype=np.int64)
    padded.reshape(-1)[: slots.size] = slots
    return b"".join(_coefficients(scheme, _encrypted(scheme, context, row)) for row in padded)


class RunningSum:
    """The sum of the uploads added so far, under a public context; holds one running sum, not the uploads."""

    def __init__(self, scheme: SchemeName, public: bytes, ciphertexts: int) -> None:
        self._scheme = scheme
        self._context = load_public(scheme, public)
        self._ciphertexts = ciphertexts
        self._vectors: list[_Vector] = []

    def add(self, upload: bytes | memoryview) -> None:
        """Add one upload. Raises Rejected, and leaves the sum as it was, on one that is not well formed."""
        vectors = _vectors(self._scheme, self._context, upload, self._ciphertexts)
        if self._vectors:
            try:
                vectors = [one + other for one, other in zip(self._vectors, vectors, strict=True)]
            except (ValueError, RuntimeError) as error:
                # SEAL refuses a sum whose second polynomial is zero: it would be readable without a key.
                raise Rejected("ciphertext cannot be added") from error
        self._vectors = vectors

    def to_bytes(self) -> bytes:
        """The sum in the form uploads have. Raises ValueError where nothing was added."""
        if not self._vectors:
            raise ValueError("nothing was added to the sum")
        return b"".join(_coefficients(self._scheme, vector) for vector in self._vectors)


def decrypt(scheme: SchemeName, secret: bytes, ciphertexts: bytes, slots: int) -> Integers:
    """Decrypt to exactly int64[slots] with the secret context.

    Raises Rejected on bytes that are no ciphertexts, and on sums that cannot be of what `encrypt` made: with something
    other than zeros in the padding or, with CKKS, with values too far from integers.
    """
    context = load_secret(secret)
    vectors = _vectors(scheme, context, ciphertexts, ciphertexts_for(scheme, slots))
    values = np.array([vector.decrypt() for vector in vectors]).reshape(-1)
    if scheme == "ckks":
        values = _on_the_grid(values)
    if values[slots:].any():
        raise Rejected("decrypted sum has values where there is only padding: an upload was not a vector of this size")
    return values[:slots].astype(np.int64)


def decrypt_unrounded(secret: bytes, ciphertexts: bytes, slots: int) -> npt.NDArray[np.float64]:
    """What CKKS decrypts to, noise and all, float64[slots]. Two such vectors give the secret key away.

    No protection calls this. It is here so that an audit can show what `decrypt` prevents. Raises Rejected as it does.
    """
    vectors = _vectors("ckks", load_secret(secret), ciphertexts, ciphertexts_for("ckks", slots))
    return np.array([vector.decrypt() for vector in vectors]).reshape(-1)[:slots]


def _on_the_grid(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    scaled = values / _CKKS_UNIT
    if not np.isfinite(scaled).all() or np.abs(scaled - np.rint(scaled)).max(initial=0.0) > _LARGEST_CKKS_ERROR:
        raise Rejected(
            "decrypted sum is not on the grid of fixed-point numbers: an upload was not a vector of integers"
        )
    return np.rint(scaled)


def _encrypted(scheme: SchemeName, context: "Context", row: Integers) -> _Vector:
    import tenseal

    vector: _Vector
    if scheme == "bfv":
        vector = tenseal.bfv_vector(context, row.tolist())
    else:
        vector = tenseal.ckks_vector(context, (row * _CKKS_UNIT).tolist())
    return vector


def _coefficients(scheme: SchemeName, vector: _Vector) -> bytes:
    frame, written = _frame(scheme), vector.serialize()
    framed = written.startswith(frame.prefix) and written.endswith(frame.suffix)
    coefficients = written[len(frame.prefix) : len(written) - len(frame.suffix)]
    if not framed or len(coefficients) != CIPHERTEXT_BYTES:
        raise RunFailed("this build of TenSEAL writes ciphertexts in a form that is not known: pin tenseal 0.3.18")
    return coefficients


def _vectors(scheme: SchemeName, context: "Context", upload: bytes | memoryview, count: int) -> list[_Vector]:
    """Check and load exactly `count` ciphertexts."""
    import tenseal

    if len(upload) != count * CIPHERTEXT_BYTES:
        raise Rejected(f"ciphertexts of {len(upload)} bytes, not {count * CIPHERTEXT_BYTES}")
    coefficients = np.frombuffer(upload, dtype="<u8").reshape(count, 2, DEGREE)
    if coefficients.size and int(coefficients.max()) >= COEFFICIENT_PRIME:
        raise Rejected("ciphertext has a coefficient out of range")
    if not coefficients[:, 1].any(axis=1).all():
        raise Rejected("ciphertext is not encrypted")
    frame = _frame(scheme)
    load = tenseal.bfv_vector_from if scheme == "bfv" else tenseal.ckks_vector_from
    try:
        return [
            load(context, frame.prefix + upload[start : start + CIPHERTEXT_BYTES] + frame.suffix)
            for start in range(0, len(upload), CIPHERTEXT_BYTES)
        ]
    except (ValueError, RuntimeError) as error:
        raise Rejected("ciphertext does not load") from error


@functools.lru_cache(maxsize=2)
def _frame(scheme: SchemeName) -> _Frame:
    """Learn the frame from two encryptions under a throw-away key.

    SEAL stores coefficients uncompressed inside a zstd frame: their 60 random bits of 64 save 1.4%, less than the 1.6%
    zstd asks for.
    """
    context = load_secret(new_context(scheme)[0])
    one, other = (_encrypted(scheme, context, np.zeros(SLOTS[scheme], np.int64)).serialize() for _ in range(2))
    # CKKS vectors end in their scale: a tag and a float64.
    suffix = one[len(one) - 9 :] if scheme == "ckks" else b""
    prefix = one[: len(one) - len(suffix) - CIPHERTEXT_BYTES]
    if len(one) != len(other) or not (other.startswith(prefix) and other.endswith(suffix)):
        raise RunFailed("this build of TenSEAL writes ciphertexts in a form that is not known: pin tenseal 0.3.18")
    return _Frame(prefix, suffix)
