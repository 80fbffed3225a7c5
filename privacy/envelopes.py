"""Signed envelopes: who sent an upload, for which run, round, context and weight, and that nobody changed it.

Layout, little-endian, 200 bytes and the body; nothing shorter, longer or otherwise is read:

| bytes | field |
|---|---|
| 4 | magic `FCUP` |
| 1 + 3 | version, 2, and zeros, so that the numbers of a body lie where processors read them fast |
| 32 | SHA-256 of the run's name |
| 8 + 8 | round, client |
| 32 | SHA-256 of the public encryption context, zeros where there is none |
| 8 | weight, the exact bits of a float64 |
| 8 + 32 | length and BLAKE3 hash of the body |
| 64 | Ed25519 signature (RFC 8032) over all of the above |

**Guarantee.** Who does not hold a client's signing key cannot make an envelope that opens for that client, and an
envelope opens for one run, round, client, context and weight only. Envelopes say nothing about what the signing client
itself put into the body: a registered client can sign rubbish, so the reader of the body checks it in its own right.
"""

import functools
import hashlib
import struct
from dataclasses import dataclass

from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from privacy.errors import Rejected

NO_CONTEXT = bytes(32)
"""The context hash of uploads that are not encrypted."""

_MAGIC = b"FCUP"
_VERSION = 2
_ZEROS = bytes(3)
_HEADER = struct.Struct("<4sB3s32sQQ32s8sQ32s")
_SIGNATURE_BYTES = 64
KEY_BYTES = 32
"""Of a raw Ed25519 key, secret or public."""

OVERHEAD_BYTES = _HEADER.size + _SIGNATURE_BYTES
"""What an envelope adds to its body."""


@dataclass(frozen=True)
class Binding:
    """What an upload is bound to. `context` is 32 bytes: a SHA-256 or `NO_CONTEXT`."""

    run: str
    round: int
    client: int
    weight: float
    context: bytes = NO_CONTEXT


def new_signing_key(entropy: bytes) -> bytes:
    """Derive a raw Ed25519 key (32 bytes) from at least 32 bytes of entropy; equal entropy gives equal keys."""
    if len(entropy) < KEY_BYTES:
        raise ValueError(f"a signing key needs {KEY_BYTES} bytes of entropy, not {len(entropy)}")
    return hashlib.sha256(b"fedcrucible signing key\0" + entropy).digest()


@functools.lru_cache(maxsize=4096)
def public_key_of(signing_key: bytes) -> bytes:
    """The raw public key (32 bytes) that the server registers for a client."""
    return _private_key(signing_key).public_key().public_bytes_raw()


def seal(signing_key: bytes, binding: Binding, body: bytes | memoryview) -> bytes:
    """Wrap `body` in an envelope signed with a raw Ed25519 key.

    Raises ValueError on a binding that cannot be written.
    """
    digest = _digest(body)
    header = _header(binding, memoryview(body).nbytes, digest)
    envelope = b"".join((header, _private_key(signing_key).sign(header), body))
    _sealed.keep(envelope, digest, public_key_of(signing_key))
    return envelope


def vouch(envelope: bytes, signing_key: bytes) -> None:
    """Take it that `seal` made this very object with this key, in another process that this one started and heard from.

    It is for a simulation's own workers. Of anything that came any other way it would be a lie.
    """
    _sealed.keep(envelope, _HEADER.unpack_from(envelope)[-1], public_key_of(signing_key))


def open_envelope(blob: bytes, public_key: bytes, expected: Binding, body_bytes: int) -> memoryview:
    """Return the body, not copied, of an envelope that is exactly what `expected` and `body_bytes` say.

    Nothing but lengths is looked at before the signature holds; of the very object that this process sealed with the
    key in question, or vouched for, it does. Raises Rejected with a reason for people.
    """
    if len(blob) != OVERHEAD_BYTES + body_bytes:
        raise Rejected(f"is {len(blob)} bytes, not {OVERHEAD_BYTES + body_bytes}")
    header, body = blob[: _HEADER.size], memoryview(blob)[OVERHEAD_BYTES:]
    digest, sealed_with = _sealed.take(blob)
    if not sealed_with or sealed_with != public_key:
        _verify(public_key, blob[_HEADER.size : OVERHEAD_BYTES], header)
    digest = digest or _digest(body)
    found = _HEADER.unpack(header)
    wanted = _HEADER.unpack(_header(expected, body_bytes, digest))
    reasons = (
        "is not an upload",
        "is of another version",
        "has no zeros behind its version",
        "meant for another run",
        f"meant for round {found[4]}, this is round {wanted[4]}",
        f"sent by client {found[5]}, not by client {wanted[5]}",
        "encrypted under another context",
        "claims another weight",
        "body has another length",
        "body was changed",
    )
    for got, want, reason in zip(found, wanted, reasons, strict=True):
        if got != want:
            raise Rejected(reason)
    return body


def body_of(blob: bytes) -> bytes | memoryview:
    """The body of what looks like an envelope, unchecked and not copied; anything else as it is."""
    return memoryview(blob)[OVERHEAD_BYTES:] if blob.startswith(_MAGIC) and len(blob) > OVERHEAD_BYTES else blob


@functools.lru_cache(maxsize=4096)
def _private_key(signing_key: bytes) -> Ed25519PrivateKey:
    # Deriving the public half takes as long as signing.
    return Ed25519PrivateKey.from_private_bytes(signing_key)


class _Sealed:
    """The envelopes last sealed here or vouched for, each until it is opened here, of some megabytes at most.

    Where clients and server share a process, the very object that was sealed is opened: bytes never change, so hashing
    them again and verifying the signature would take a fifth of a round and could only find the same.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: dict[int, tuple[bytes, bytes, bytes]] = {}

    def keep(self, envelope: bytes, digest: bytes, public_key: bytes) -> None:
        """Remember an envelope's digest and signer; the oldest are forgotten for it."""
        self.take(envelope)
        self._kept[id(envelope)] = envelope, digest, public_key
        self._bytes += len(envelope)
        while self._bytes > self._most_bytes:
            self.take(next(iter(self._kept.values()))[0])

    def take(self, envelope: bytes) -> tuple[bytes, bytes]:
        """Digest and signer's public key of this object, not of its equals; forgotten with that. Empty if unknown."""
        found = self._kept.pop(id(envelope), None)
        if found is None:
            return b"", b""
        self._bytes -= len(envelope)
        return found[1:]


_sealed = _Sealed(32 * 2**20)


def _digest(body: bytes | memoryview) -> bytes:
    """Of 32 bytes. BLAKE3 takes half of SHA-256's time, which for a round of large updates was a tenth of it."""
    return blake3(memoryview(body).cast("B")).digest()


def _header(binding: Binding, body_bytes: int, digest: bytes) -> bytes:
    if len(binding.context) != len(NO_CONTEXT):
        raise ValueError(f"a context hash has {len(NO_CONTEXT)} bytes, not {len(binding.context)}")
    try:
        return _HEADER.pack(
            _MAGIC,
            _VERSION,
            _ZEROS,
            hashlib.sha256(binding.run.encode()).digest(),
            binding.round,
            binding.client,
            binding.context,
            struct.pack("<d", binding.weight),
            body_bytes,
            digest,
        )
    except struct.error as error:
        raise ValueError(f"round {binding.round} or client {binding.client} cannot be written") from error


def _verify(public_key: bytes, signature: bytes, signed: bytes) -> None:
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
    except ValueError as error:
        raise Rejected("the registered public key is not an Ed25519 key") from error
    try:
        key.verify(signature, signed)
    except InvalidSignature as error:
        raise Rejected("signature does not match") from error
