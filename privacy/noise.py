"""Where the noise of differential privacy comes from.

**Guarantee.** A mechanism's noise hides a record only from those who cannot tell what the noise was. Whoever sees an
update knows some of it, where a pixel is black in every picture for one: its weights get no gradient and are noise
alone. From some hundred numbers of a Mersenne Twister all its others follow; from a key stream of AES none does without
the key. A key that comes from a seed is no safer than the seed: small ones are guessed, and a guess is easily checked.
"""

import math
import os
from collections.abc import Callable
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from scipy.special import ndtri

Numbers = npt.NDArray[np.float32]
"""Standard normal ones."""

FineNumbers = npt.NDArray[np.float64]
"""The same in float64."""

AnyNumbers = TypeVar("AnyNumbers", Numbers, FineNumbers)

KEY_BYTES = 32
"""AES-256."""

_BLOCK = 2048
"""Normal numbers come in blocks of two halves, the cosines and the sines of the same angles."""

_AT_ONCE = 16
"""Blocks that are made together: their working memory stays in the core's cache."""


def require_noise(noise_multiplier: float) -> None:
    """Raise ValueError for a noise multiplier that is not positive: no privacy is never called DP-SGD."""
    if not noise_multiplier > 0:
        raise ValueError(f"noise_multiplier must be positive, not {noise_multiplier}")


class NoiseSource(Protocol):
    """A source of independent standard normal numbers."""

    def fill(self, out: Numbers) -> Numbers:
        """Fill the contiguous float32[count] with the next numbers and return it."""
        ...

    def fine(self, count: int) -> FineNumbers:
        """The next numbers as float64[count]: where noise is rounded to a grid, steps of float32 would show."""
        ...


class KeyedNoise:
    """The numbers that a key of 32 bytes stands for, which nobody foresees without it, however many came before.

    Box and Muller's transformation of the key stream of AES-256 in counter mode, with 32 bits for a radius and 32 for
    an angle: no number is beyond 6.77, where one in 2^33 pairs would be, and small radii are as fine as large ones. How
    many are asked for at a time does not matter. A key is for one source. Raises ValueError for another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a noise key has {KEY_BYTES} bytes, not {len(key)}")
        self._stream = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
        self._left = np.empty(0, np.float32)

    def fill(self, out: Numbers) -> Numbers:
        """Fill the contiguous float32[count] with the next numbers and return it."""
        ready = min(len(self._left), len(out))
        out[:ready], self._left = self._left[:ready], self._left[ready:]
        while missing := len(out) - ready:
            drawn = min(_AT_ONCE, -(-missing // _BLOCK)) * _BLOCK
            if drawn <= missing:
                self._draw(out[ready : ready + drawn])
            else:
                last = self._draw(np.empty(drawn, np.float32))
                out[ready:], self._left = last[:missing], last[missing:]
            ready += min(drawn, missing)
        return out

    def _draw(self, out: Numbers) -> Numbers:
        """Fill whole blocks."""
        bits = np.frombuffer(self._stream.update(bytes(4 * len(out))), "<i4").reshape(-1, 2, _BLOCK // 2)
        uniform = bits[:, 0].astype(np.float64)  # float32 has steps of 2^-24 near 1, where small radii come from
        uniform += 2.0**31 + 0.5  # no logarithm of 0
        uniform *= 2.0**-32
        np.log(uniform, out=uniform)
        uniform *= -2.0
        radii = uniform.astype(np.float32)
        np.sqrt(radii, out=radii)
        angles = bits[:, 1].astype(np.float32)
        angles *= math.pi * 2.0**-31
        drawn = out.reshape(-1, 2, _BLOCK // 2)
        np.cos(angles, out=drawn[:, 0])
        np.sin(angles, out=drawn[:, 1])
        drawn *= radii[:, np.newaxis]
        return out

    def fine(self, count: int) -> FineNumbers:
        """The next numbers as float64[count]."""
        return _quantiles(np.empty(count), lambda size: self._stream.update(bytes(size)))


class SystemNoise:
    """Numbers from the operating system's entropy, which nothing reproduces."""

    def fill(self, out: Numbers) -> Numbers:
        """Fill the contiguous float32[count] with the next numbers and return it."""
        return _quantiles(out, os.urandom)

    def fine(self, count: int) -> FineNumbers:
        """The next numbers as float64[count]."""
        return _quantiles(np.empty(count), os.urandom)


def _quantiles(out: AnyNumbers, random_bytes: Callable[[int], bytes]) -> AnyNumbers:
    """Fill `out` with normal numbers, the normalised sums of four draws each, of 52 bits, and return it.

    As Opacus' secure mode draws against attacks on the floating-point grid (Holohan & Braghin 2021, arXiv 2107.10138).
    """
    for begun in range(0, len(out), _AT_ONCE * _BLOCK):  # each takes a hundred bytes on the way
        part = out[begun : begun + _AT_ONCE * _BLOCK]
        bits = np.frombuffer(random_bytes(len(part) * 4 * 8), dtype=np.uint64).reshape(4, -1)
        uniform = ((bits >> np.uint64(12)).astype(np.float64) + 0.5) / 2**52
        part[:] = ndtri(uniform).sum(axis=0) / 2.0
    return out
