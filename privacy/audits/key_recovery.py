"""The secret key of CKKS from two decrypted vectors: Li & Micciancio 2021, IACR 2020/1533.

A ciphertext (a, b) decrypts to the polynomial m = a + b s, the plaintext and the noise of encryption together. Whoever
is given the numbers that decrypting yields, before they are rounded, encodes them again and has m. TenSEAL gives only
the real parts z of the slots, half of m: they determine m(X) + m(1/X). So each ciphertext gives, at every pair of
roots r and 1/r of X^n + 1,

    b(r) s(r) + b(1/r) s(1/r) = 2 z(r) - a(r) - a(1/r)    modulo the coefficients' prime,

and two ciphertexts under one key give s at both. A true key has coefficients -1, 0 and 1 only, which tells it from
anything else.

BFV decrypts to exact integers: they depend on the plaintext alone, the noise is rounded away, and with it all that the
equations would need. The same holds of CKKS whose sums are rounded to the grid before they leave the key holder.
"""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from privacy.contexts import CKKS_SCALE, COEFFICIENT_PRIME, DEGREE

Residues = npt.NDArray[np.object_]
"""Python integers below the prime: products of two do not fit in 64 bits."""

Floats = npt.NDArray[np.float64]

_PRIME, _SLOTS, _GENERATOR = COEFFICIENT_PRIME, DEGREE // 2, 3
_PI = np.longdouble("3.14159265358979323846")


@dataclass(frozen=True)
class Opened:
    """A ciphertext as it travels, 65,536 bytes, and the float64[2048] that were shared as its decryption."""

    ciphertext: bytes
    values: Floats


def recover(one: Opened, other: Opened) -> npt.NDArray[np.int64] | None:
    """The secret key, int64[4096] of -1, 0 and 1; None where these decryptions do not give it away."""
    evaluated = _solved(_equations(one), _equations(other))
    if evaluated is None:
        return None
    return _if_key(_centred(_coefficients_of(evaluated)))


def recover_from_exact(zeros: bytes) -> npt.NDArray[np.int64] | None:
    """The best that an exact decryption allows, on BFV: take a ciphertext of zeros for free of noise and solve for s.

    It is not free of noise, which an exact decryption tells nothing about, so this gives no key but with negligible
    probability. None where what comes out is no key.
    """
    constant, linear = map(_values_of, _halves(zeros))  # BFV's ciphertexts travel as coefficients, CKKS' as values
    inverted = np.array([pow(int(value), -1, _PRIME) if value else 0 for value in linear], object)
    return _if_key(_centred(_coefficients_of(-constant * inverted % _PRIME)))


def open_with(key: npt.NDArray[np.int64], ciphertext: bytes) -> Floats:
    """What any CKKS ciphertext under this key decrypts to, float64[2048]: the key opens everybody's uploads."""
    constant, linear = _halves(ciphertext)
    message = _centred(_coefficients_of((constant + linear * _values_of(key.astype(object))) % _PRIME))
    angles = np.exp(1j * np.pi * np.arange(DEGREE) / DEGREE)
    at_odd_powers = np.fft.ifft(message.astype(np.float64) * angles) * DEGREE
    return np.asarray(at_odd_powers[_exponents() // 2].real / CKKS_SCALE, np.float64)


def _equations(opened: Opened) -> tuple[Residues, Residues, Residues]:
    """b(r), b(1/r) and the right side, at each root r in the order of the transform."""
    constant, linear = _halves(opened.ciphertext)
    inverse = _inverse_roots()
    doubled = _values_of(_doubled_message(opened.values))
    return linear, linear[inverse], (doubled - constant - constant[inverse]) % _PRIME


def _solved(one: tuple[Residues, Residues, Residues], other: tuple[Residues, Residues, Residues]) -> Residues | None:
    """s at each root, by Cramer's rule; None in the unlikely case that the two equations of a root are one."""
    determinant = (one[0] * other[1] - one[1] * other[0]) % _PRIME
    if not determinant.all():
        return None
    inverted = np.array([pow(int(value), -1, _PRIME) for value in determinant], object)
    solved: Residues = (one[2] * other[1] - one[1] * other[2]) % _PRIME * inverted % _PRIME
    return solved


def _doubled_message(values: Floats) -> Residues:
    """The coefficients of m(X) + m(1/X) from the real parts of the slots: SEAL's encoding, backwards.

    At the scale of 2^54 they reach 2^50 for slots near 1, where a transform in float64 rounds wrongly in one attack of
    thirty; in the 64 bits of an extended double what is left, about 0.06, is SEAL's own.
    """
    at_odd_powers = np.zeros(DEGREE, np.longdouble)
    at_odd_powers[_exponents() // 2] = values
    at_odd_powers[(2 * DEGREE - _exponents()) // 2] = values
    angles = np.arange(DEGREE, dtype=np.longdouble) * (_PI / DEGREE)
    turned = np.fft.fft(at_odd_powers) * (np.cos(angles) - 1j * np.sin(angles))
    coefficients = turned.real * np.longdouble(2.0 * CKKS_SCALE / DEGREE)
    return np.array([int(value) for value in np.rint(coefficients)], object)


def _if_key(coefficients: Residues) -> npt.NDArray[np.int64] | None:
    return coefficients.astype(np.int64) if int(np.abs(coefficients).max()) <= 1 else None


def _halves(ciphertext: bytes) -> tuple[Residues, Residues]:
    constant, linear = np.frombuffer(ciphertext, "<u8").reshape(2, DEGREE).astype(object)
    return constant, linear


@functools.cache
def _exponents() -> npt.NDArray[np.int64]:
    """The odd power of the first root that each slot is the value at: powers of 3."""
    return np.array([pow(_GENERATOR, slot, 2 * DEGREE) for slot in range(_SLOTS)])


@functools.cache
def _bit_reversed() -> npt.NDArray[np.int64]:
    bits = DEGREE.bit_length() - 1
    return np.array([int(f"{index:0{bits}b}"[::-1], 2) for index in range(DEGREE)])


@functools.cache
def _inverse_roots() -> npt.NDArray[np.int64]:
    """Where 1/r stands for each r: the transform's entry i is at the power 2 * reversed(i) + 1, and 1/r at minus it."""
    places: npt.NDArray[np.int64] = _bit_reversed()[DEGREE - 1 - _bit_reversed()]
    return places


@functools.cache
def _root_powers() -> Residues:
    """Powers 0 to DEGREE - 1 of SEAL's root of X^DEGREE + 1, the least there is, in bit-reversed order."""
    tried = (pow(number, (_PRIME - 1) // (2 * DEGREE), _PRIME) for number in range(2, 100))
    base = next(root for root in tried if pow(root, DEGREE, _PRIME) == _PRIME - 1)
    square = base * base % _PRIME
    powers, root = [], base
    for _ in range(DEGREE):
        powers.append(root)
        root = root * square % _PRIME
    least = min(powers)
    table = [1]
    for _ in range(DEGREE - 1):
        table.append(table[-1] * least % _PRIME)
    ordered: Residues = np.array(table, object)[_bit_reversed()]
    return ordered


def _values_of(coefficients: Residues) -> Residues:
    """The number-theoretic transform (Longa & Naehrig 2016, IACR 2016/504, algorithm 1), as SEAL orders it."""
    values: Residues = coefficients % _PRIME
    blocks = 1
    while blocks < DEGREE:
        halves = values.reshape(blocks, 2, -1)
        left, right = halves[:, 0], halves[:, 1] * _root_powers()[blocks : 2 * blocks, None] % _PRIME
        values = np.stack([(left + right) % _PRIME, (left - right) % _PRIME], axis=1).reshape(-1)
        blocks *= 2
    return values


def _coefficients_of(values: Residues) -> Residues:
    """The inverse of `_values_of` (algorithm 2)."""
    blocks = DEGREE // 2
    while blocks:
        halves = values.reshape(blocks, 2, -1)
        left, right = halves[:, 0], halves[:, 1]
        roots = _inverted_powers()[blocks : 2 * blocks, None]
        values = np.stack([(left + right) % _PRIME, (left - right) * roots % _PRIME], axis=1).reshape(-1)
        blocks //= 2
    coefficients: Residues = values * pow(DEGREE, -1, _PRIME) % _PRIME
    return coefficients


@functools.cache
def _inverted_powers() -> Residues:
    return np.array([pow(int(power), -1, _PRIME) for power in _root_powers()], object)


def _centred(residues: Residues) -> Residues:
    """Residues between minus and plus half the prime."""
    centred: Residues = np.where(residues > _PRIME // 2, residues - _PRIME, residues)
    return centred
