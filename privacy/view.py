"""What the server learned in a round: rules, attacks and audits take a `View` and nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Contribution:
    """The metadata the server saw of one client whose upload entered the sum."""

    client: int
    weight: float
    sent_bytes: int


@dataclass(frozen=True)
class Rejection:
    """An upload that did not enter the sum, and why."""

    client: int
    reason: str


Seen = TypeVar("Seen", Contribution, Rejection)


def by_client(found: Iterable[Seen]) -> tuple[Seen, ...]:
    """In the order of the clients, whatever the order in which they answered."""
    return tuple(sorted(found, key=lambda one: one.client))


@dataclass(frozen=True)
class View:
    """All that the server learned from one round's uploads.

    `total` is the weighted sum `sum_k weight_k * update_k`, float64[d]; `updates` holds the single updates
    (float32[d] by client) only where the protection leaves them visible, else it is None.
    """

    round: int
    total: npt.NDArray[np.float64]
    contributions: tuple[Contribution, ...]
    rejections: tuple[Rejection, ...] = ()
    updates: Mapping[int, Vector] | None = field(default=None, repr=False)

    @property
    def weight(self) -> float:
        """The sum of the accepted weights; 0.0 where nothing was accepted."""
        return float(sum(c.weight for c in self.contributions))
