"""Named streams of randomness: by name, never by position, so that the same seed gives the same bits everywhere."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def sequence(seed: int, *label: str | int) -> np.random.SeedSequence:
    """Derive the entropy of one named stream: SHA-256 over the seed and the label's parts.

    `stream(seed, "client", 3, "round", 7, "noise")` does not depend on how many streams were made before it.
    Strings and integers never collide ("3" is not 3).
    """
    text = "\x1f".join([f"seed:{seed}", *(f"{type(part).__name__}:{part}" for part in label)])
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.SeedSequence(np.frombuffer(digest, "<u4"))  # words, since numpy takes long over a long integer


def stream(seed: int, *label: str | int) -> np.random.Generator:
    """A numpy generator for one named stream."""
    return np.random.Generator(np.random.PCG64DXSM(sequence(seed, *label)))


def torch_stream(seed: int, *label: str | int) -> "torch.Generator":
    """A torch generator for one named stream, for what torch itself draws (initial weights, Opacus' noise)."""
    import torch  # the command line reads scenarios without paying for torch's import

    state = sequence(seed, *label).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) & (2**63 - 1))
