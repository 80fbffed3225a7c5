"""The clients that a chunk's steps train together, and what they train with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from clients.batches import Batch
from clients.jobs import Features, Job
from privacy.noise import NoiseSource


@dataclass(frozen=True, eq=False)
class Cohort:
    """K clients, those with the most steps first: who still trains is then always a prefix of the stack.

    `starts` float32[K, d] are where they start. `records` are each client's rows of `features` and `labels`, and its
    `batches` are places in these, one a step. `noise` has a source for each under DP-SGD. `widths` are given where only
    so many inputs of the first layer are a client's own: for the others it has zeros, and no weights.
    """

    jobs: Sequence[Job]
    batches: Sequence[Sequence[Batch]]
    starts: Tensor
    features: Features
    labels: npt.NDArray[np.int64]
    records: Sequence[npt.NDArray[np.int64]]
    noise: Sequence[NoiseSource]
    widths: Sequence[int] | None = None

    def step(self, number: int) -> list[npt.NDArray[np.int64]]:
        """The rows that a step takes, for each client that still trains."""
        return [own[of[number]] for own, of in zip(self.records, self.batches, strict=True) if number < len(of)]
