"""K clients' vectors as one tensor, cut into the parameters of their network."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from clients.cohort.network import Network
from privacy.view import Vector

Stack = list[Tensor]
"""All parameters of K clients, or gradients of them: [K, *shape] each."""


def stacked(vectors: Sequence[Vector]) -> Tensor:
    """float32[K, d]; in memory once where all clients have the same array, as with a round's start."""
    first = vectors[0]
    shared = all(vector is first for vector in vectors)
    return torch.from_numpy(np.stack([first] if shared else vectors)).expand(len(vectors), -1)


def cut(network: Network, vectors: Tensor) -> Stack:
    """float32[K, d] cut into the network's parameters, which share its memory."""
    pieces = torch.split(vectors, [math.prod(shape) for shape in network.shapes], dim=1)
    return [piece.view(len(vectors), *shape) for piece, shape in zip(pieces, network.shapes, strict=True)]
