"""The pull of K clients' parameters towards their anchors."""

from collections.abc import Sequence

import numpy as np
import torch

from clients.cohort.network import Network
from clients.cohort.stacks import Stack, cut, stacked
from clients.jobs import Pull


class Pulls:
    """The gradients of K clients' pulls. Anchors and strengths that are one array are in memory once."""

    def __init__(self, network: Network, pulls: Sequence[Pull]) -> None:
        self._anchors = cut(network, stacked([pull.anchor for pull in pulls]))
        self._strengths = cut(network, _strengths(pulls, network.size))
        # Written again at every step: fresh pages cost more than the arithmetic.
        self._found = [torch.empty_like(anchor, memory_format=torch.contiguous_format) for anchor in self._anchors]

    def gradients(self, parameters: Stack) -> Stack:
        """strength * (w - anchor) of the first k clients. They are overwritten by the next call."""
        found = []
        for values, anchor, strength, buffer in zip(
            parameters, self._anchors, self._strengths, self._found, strict=True
        ):
            clients = len(values)
            torch.sub(values, anchor[:clients], out=buffer[:clients])
            found.append(buffer[:clients].mul_(strength[:clients]))
        return found


def _strengths(pulls: Sequence[Pull], size: int) -> torch.Tensor:
    """float32[K, d], in memory K numbers where every strength is one number."""
    numbers = [pull.strength for pull in pulls if not isinstance(pull.strength, np.ndarray)]
    if len(numbers) == len(pulls):
        return torch.tensor(numbers, dtype=torch.float32).unsqueeze(1).expand(-1, size)
    return stacked(
        [
            pull.strength if isinstance(pull.strength, np.ndarray) else np.full(size, pull.strength, np.float32)
            for pull in pulls
        ]
    )
