"""Encryption keys and parameters as TenSEAL contexts: made by the key holder, checked before anyone else loads them.

Both schemes use ciphertexts of two polynomials of 4,096 coefficients below one 60-bit prime. The second, 20-bit prime
is SEAL's key-switching prime, which ciphertexts never carry; adding switches no keys, so it is as small as it can be,
and neither relinearisation nor Galois keys are made. 80 bits of modulus are well below the 109 that the
HomomorphicEncryption.org standard allows at 4,096 for 128-bit security.
"""

import functools
from typing import TYPE_CHECKING, Literal, get_args

from privacy.errors import Rejected

if TYPE_CHECKING:
    import tenseal

SchemeName = Literal["bfv", "ckks"]

DEGREE = 4096
PRIME_BITS = (60, 20)
COEFFICIENT_PRIME = 1_152_921_504_606_830_593
"""The 60-bit prime SEAL takes for this degree: coefficients of ciphertexts lie below it."""

PLAIN_MODULUS = 1_099_511_480_321
"""BFV's plaintext modulus, 2^40 - 147,455: prime and 1 modulo 8,192, which batching needs."""

CKKS_SCALE = 2.0**54

LARGEST_CONTEXT_BYTES = 2**17

_SEAL_HEADER_BYTES = 16


def new_context(scheme: SchemeName) -> tuple[bytes, bytes]:
    """Generate a key pair from the system's entropy: (secret, public) contexts as bytes, about 140 and 94 kB."""
    import tenseal

    if scheme == "bfv":
        context = tenseal.context(
            tenseal.SCHEME_TYPE.BFV,
            DEGREE,
            plain_modulus=PLAIN_MODULUS,
            coeff_mod_bit_sizes=list(PRIME_BITS),
            n_threads=1,
        )
    else:
        context = tenseal.context(tenseal.SCHEME_TYPE.CKKS, DEGREE, coeff_mod_bit_sizes=list(PRIME_BITS), n_threads=1)
        context.global_scale = CKKS_SCALE
    secret: bytes = context.serialize(save_secret_key=True, save_galois_keys=False, save_relin_keys=False)
    public: bytes = context.serialize(save_secret_key=False, save_galois_keys=False, save_relin_keys=False)
    return secret, public


def load_secret(context: bytes) -> "tenseal.Context":
    """Load the key holder's own context. Not cached: the key stays in memory only while it is used."""
    import tenseal

    return tenseal.context_from(context, n_threads=1)


def load_public(scheme: SchemeName, context: bytes) -> "tenseal.Context":
    """Load a public context that somebody sent, once a process. Raises Rejected on anything else.

    The context must be, byte for byte, one that this process would write but for the public key, so the sender
    chooses no parameters and no secret key can slip in. SEAL checks the key itself and raises on a bad one (tried with
    hundreds of corrupted keys).
    """
    if len(context) > LARGEST_CONTEXT_BYTES:
        raise Rejected(f"context of {len(context)} bytes, more than {LARGEST_CONTEXT_BYTES}")
    return _load_public(scheme, context)


def kind_of(content: bytes | memoryview) -> Literal["public", "secret"] | None:
    """Whether these bytes are an encryption context, and whether a secret key is in it; nothing of them is loaded.

    One of other parameters than a scheme's here is none.
    """
    view = memoryview(content)
    try:
        parameters, after = _take(view, 1, 0)
        if all(parameters != _own_parts(scheme)[0] for scheme in get_args(SchemeName)):
            return None
        _, end = _take(view, 2, after)
        if end == len(content):
            return "public"
        _take(view, 3, end)
    except Rejected:
        return None
    return "secret"


@functools.lru_cache(maxsize=8)
def _load_public(scheme: SchemeName, context: bytes) -> "tenseal.Context":
    import tenseal

    parameters, public_key, rest = _split(context)
    own_parameters, own_key, own_rest = _own_parts(scheme)
    if parameters != own_parameters:
        raise Rejected(f"context has other parameters than {scheme} needs")
    if rest != own_rest or _assemble(parameters, public_key, rest) != context:
        raise Rejected("context carries more or less than a public key")
    size_at = _SEAL_HEADER_BYTES - 8
    if public_key[:size_at] != own_key[:size_at]:
        raise Rejected("context holds a key of another format")
    if int.from_bytes(public_key[size_at:_SEAL_HEADER_BYTES], "little") != len(public_key):
        raise Rejected("context holds a key of another length than it says")
    try:
        loaded = tenseal.context_from(context, n_threads=1)
    except (ValueError, RuntimeError) as error:
        raise Rejected(f"context does not load: {error}") from error
    if not (loaded.is_public() and loaded.has_public_key()):
        raise Rejected("context is not a public one")
    return loaded


@functools.lru_cache(maxsize=2)
def _own_parts(scheme: SchemeName) -> tuple[bytes, bytes, bytes]:
    return _split(new_context(scheme)[1])


def _split(context: bytes) -> tuple[bytes, bytes, bytes]:
    """(encryption parameters, public key, flags and scale) of TenSEAL's protobuf
    `{1: parameters, 2: {1: public key, 2: flags, 3: scale}}`."""
    view = memoryview(context)
    parameters, after = _take(view, 1, 0)
    public, end = _take(view, 2, after)
    if end != len(context):
        raise Rejected("context carries more or less than a public key")
    public_key, after = _take(public, 1, 0)
    return bytes(parameters), bytes(public_key), bytes(public[after:])


def _assemble(parameters: bytes, public_key: bytes, rest: bytes) -> bytes:
    return _field(1, parameters) + _field(2, _field(1, public_key) + rest)


def _take(message: memoryview, number: int, start: int) -> tuple[memoryview, int]:
    """The length-delimited protobuf field `number` that begins at `start`, and where it ends."""
    if message[start : start + 1] != bytes([number << 3 | 2]):
        raise Rejected("is not an encryption context")
    length, shift, at = 0, 0, start + 1
    while at < len(message) and shift <= 28:
        byte = message[at]
        length |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            if at + length > len(message):
                break
            return message[at : at + length], at + length
    raise Rejected("is not an encryption context")


def _field(number: int, content: bytes) -> bytes:
    length, prefix = len(content), bytearray([number << 3 | 2])
    while length >= 0x80:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    prefix.append(length)
    return bytes(prefix) + content
