"""Named streams of randomness: by name, never by position, so that the same seed gives the same bits everywhere."""

import functools
import hashlib
import os
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

    from privacy.noise import KeyedNoise


_TWISTER_WORDS = 624
_TWISTER_BEGINS = 24
"""Where the words lie in the state that torch's CPU generator gives and takes; tested against NumPy's MT19937."""


def sequence(seed: int, *label: str | int) -> np.random.SeedSequence:
    """Derive the entropy of one named stream: SHA-256 over the seed and the label's parts.

    `stream(seed, "client", 3, "round", 7, "noise")` does not depend on how many streams were made before it.
    Strings and integers never collide ("3" is not 3).
    """
    digest = hashlib.sha256(_name(seed, label)).digest()
    return np.random.SeedSequence(np.frombuffer(digest, "<u4"))  # words, since numpy takes long over a long integer


def stream(seed: int, *label: str | int) -> np.random.Generator:
    """A numpy generator for one named stream."""
    return np.random.Generator(np.random.PCG64DXSM(sequence(seed, *label)))


def torch_stream(seed: int, *label: str | int) -> "torch.Generator":
    """A torch generator for one named stream, for what torch itself draws: initial weights, Opacus' coins.

    All 624 words of its Mersenne Twister come from SHAKE-256 over the name: `manual_seed` keeps 32 bits of a seed, and
    among a few ten thousand streams of 32 bits two are the same.
    """
    return _twister(hashlib.shake_256(_name(seed, label)).digest(4 * _TWISTER_WORDS))


def system_stream() -> "torch.Generator":
    """A torch generator that no seed reproduces: all its words come from the operating system's entropy."""
    return _twister(os.urandom(4 * _TWISTER_WORDS))


def noise_stream(seed: int, *label: str | int) -> "KeyedNoise":
    """The noise of one named stream: its key is SHAKE-256 over the name."""
    from privacy.noise import KEY_BYTES, KeyedNoise  # it imports SciPy, which reading a scenario does not need

    return KeyedNoise(hashlib.shake_256(_name(seed, label)).digest(KEY_BYTES))


def _twister(words: bytes) -> "torch.Generator":
    import torch  # the command line reads scenarios without paying for torch's import

    state = _blank_state().copy()
    state[_TWISTER_BEGINS : _TWISTER_BEGINS + 8 * _TWISTER_WORDS].view(np.uint64)[:] = np.frombuffer(words, "<u4")
    generator = torch.Generator()
    generator.set_state(torch.from_numpy(state))
    return generator


@functools.lru_cache(maxsize=1)
def _blank_state() -> npt.NDArray[np.uint8]:
    """The state of a fresh generator, read-only: everything around the words."""
    import torch

    state: npt.NDArray[np.uint8] = torch.Generator().get_state().numpy()
    state.setflags(write=False)
    return state


def _name(seed: int, label: tuple[str | int, ...]) -> bytes:
    return "\x1f".join([f"seed:{seed}", *(f"{type(part).__name__}:{part}" for part in label)]).encode()
