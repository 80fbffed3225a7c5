"""Fixed-point numbers for encrypted sums: float updates to integers, two of them in one plaintext slot.

A client scales its update by its weight w_k and rounds to the grid of step C / LEVELS, where C is the value range all
clients share: q_k = round(w_k * clip(u_k, -C, C) / C * LEVELS). The sum over clients is taken on the integers.

**No wrap.** |q_k| <= w_k * LEVELS + 1/2. For n clients whose weights sum to 1 (to one part in 10^9),

    |sum_k q_k| <= LEVELS * (1 + 10^-9) + n / 2 < LEVELS + n / 2 + 1.

With LEVELS = 2^19 - 2^12 = 520,192 and n <= MAX_CLIENTS = 4,096 that is below 2^19 - 2,047, so every sum fits a signed
20-bit field [-2^19, 2^19 - 1]. Two fields whose magnitudes are at most 2^19 - 1 make a slot of at most
(2^19 - 1) * (2^20 + 1) < 2^39 - 2^19, less than half the plaintext modulus 1,099,511,480,321 = 2^40 - 147,455: a sum
of packed slots never wraps, and unpacking it gives the two sums.

**Error.** Rounding errs by at most half a step a client, so each coordinate of the decoded sum differs from the
weighted sum of the clipped updates by at most n * C / (2 * LEVELS) (see `error_bound`); adding is exact. Rounding is
not privacy: it is never counted as noise.
"""

import math

import numpy as np
import numpy.typing as npt

from privacy.view import Vector

Integers = npt.NDArray[np.int64]

FIELD_BITS = 20
FIELDS_PER_SLOT = 2
LEVELS = 2**19 - 2**12
MAX_CLIENTS = 4096

_FIELD = 2**FIELD_BITS
_HALF = 2 ** (FIELD_BITS - 1)


def quantise(update: Vector, weight: float, value_range: float) -> tuple[Integers, int]:
    """Scale by `weight`, clamp each coordinate to [-value_range, value_range] and round: (int64[d], clamped count).

    Raises ValueError on NaN or infinity, on a weight outside [0, 1] and on a value range that is not positive.
    """
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must be in [0, 1], not {weight}")
    if not (value_range > 0 and math.isfinite(value_range)):
        raise ValueError(f"value range must be positive and finite, not {value_range}")
    values = np.asarray(update, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("update holds NaN or infinity")
    saturated = int(np.count_nonzero(np.abs(values) > value_range))
    clamped = np.clip(values, -value_range, value_range)
    return np.rint(clamped / value_range * weight * LEVELS).astype(np.int64), saturated


def decode(total: Integers, value_range: float) -> npt.NDArray[np.float64]:
    """The weighted sum that an integer sum stands for, float64[d]."""
    return total.astype(np.float64) * (value_range / LEVELS)


def error_bound(clients: int, value_range: float) -> float:
    """The most a coordinate of the decoded sum can differ from the weighted sum of the clipped updates."""
    return clients * value_range / (2 * LEVELS)


def largest_sum(weight: float, clients: int) -> int:
    """The largest magnitude that the integer sum of `clients` updates of total weight `weight` can have.

    Raises ValueError on more than MAX_CLIENTS clients and on weights that sum to more than 1.
    """
    if not 0 < clients <= MAX_CLIENTS:
        raise ValueError(f"sums of 1 to {MAX_CLIENTS} clients are exact, not of {clients}")
    if not 0 <= weight <= 1 + 1e-9:
        raise ValueError(f"weights must sum to at most 1, not {weight}")
    return math.floor(weight * LEVELS + clients / 2 + 1)


def pack(fields: Integers) -> Integers:
    """Put two signed 20-bit fields into each slot: int64[d] -> int64[ceil(d / 2)], a last odd field beside a zero.

    Linear: the sum of packed vectors is the packed sum. Raises ValueError on a field of magnitude 2^19 or more.
    """
    if fields.size and int(np.abs(fields).max()) >= _HALF:
        raise ValueError(f"a field of a slot holds magnitudes below {_HALF}")
    even = np.append(fields, 0) if fields.size % 2 else fields
    slots: Integers = even[0::2] + even[1::2] * _FIELD
    return slots


def unpack(slots: Integers, count: int) -> Integers:
    """The first `count` fields of packed slots, or of a sum of packed slots.

    Raises ValueError where there are fewer.
    """
    if not 0 <= count <= FIELDS_PER_SLOT * slots.size:
        raise ValueError(f"{slots.size} slots do not hold {count} fields")
    low = (slots + _HALF) % _FIELD - _HALF
    high = (slots - low) // _FIELD
    return np.stack([low, high], axis=1).reshape(-1)[:count]
