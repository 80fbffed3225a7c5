"""What form a value has on the wire, told from the value itself, whatever its sender says that it is.

Only what is recognised as a secret counts as one: bytes that are neither ciphertexts nor an encryption context can be
read by whoever gets them.
"""

import math
from typing import Literal

import numpy as np

from privacy import contexts, envelopes
from privacy.ciphertexts import CIPHERTEXT_BYTES
from privacy.contexts import COEFFICIENT_PRIME

Form = Literal["figure", "text", "short", "clear", "ciphertext", "public-context", "secret-context"]
"""One number; words; up to 64 bytes (a key, a hash); data that can be read; ciphertexts; encryption contexts."""

_SHORT_BYTES = 64
_FIRST = 512
_DEVIATIONS = 6.0


def form_of(value: object) -> Form:
    """The form of a field's value; of a signed envelope, that of its body.

    A list or anything else that holds many numbers is "clear". Ciphertexts are told by what encryption makes of any
    content: coefficients below the scheme's prime, spread evenly over all that are.
    """
    match value:
        case bool() | int() | float():
            return "figure"
        case str():
            return "text"
        case bytes() | bytearray() | memoryview():
            return _form_of_bytes(envelopes.body_of(value) if isinstance(value, bytes) else memoryview(value))
        case _:
            return "clear"


def _form_of_bytes(content: bytes | memoryview) -> Form:
    if len(content) <= _SHORT_BYTES:
        return "short"
    if _is_ciphertext(content):
        return "ciphertext"
    kind = contexts.kind_of(content) if len(content) <= 2 * contexts.LARGEST_CONTEXT_BYTES else None
    if kind is None:
        return "clear"
    return "secret-context" if kind == "secret" else "public-context"


def _is_ciphertext(content: bytes | memoryview) -> bool:
    """Numbers in the clear fail at the first few: read as 64 bits, nearly all floats and small integers do."""
    if len(content) % CIPHERTEXT_BYTES:
        return False
    coefficients = np.frombuffer(content, "<u8")
    return _even(coefficients[:_FIRST]) and all(map(_even, coefficients.reshape(-1, CIPHERTEXT_BYTES // 8)))


def _even(coefficients: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> bool:
    if int(coefficients.max()) >= COEFFICIENT_PRIME:
        return False
    shares = coefficients / COEFFICIENT_PRIME
    mean, square = float(shares.mean()), float(np.dot(shares, shares)) / shares.size
    # The deviation of one share is sqrt(1/12), that of its square sqrt(1/5 - 1/9).
    allowed = _DEVIATIONS / math.sqrt(shares.size)
    return abs(mean - 1 / 2) < allowed * math.sqrt(1 / 12) and abs(square - 1 / 3) < allowed * math.sqrt(4 / 45)
