"""What a client's DP-SGD runs in one round, and what that costs; kept apart from torch so that planning is quick."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from privacy.ledger import Charge

MECHANISM = "dp-sgd"


@dataclass(frozen=True)
class PrivateSteps:
    """`steps` noisy steps. `noise_multiplier` is sigma / clip_norm.

    `charges` are what they cost, to be kept before anything they produced leaves the client: a row for each segment
    whose records may be drawn, with the probability that one of them is in a step. `taken_back` are segments whose
    statistics are to be taken back besides, if they were released, which costs nothing.
    """

    charges: tuple[Charge, ...]
    steps: int
    noise_multiplier: float
    clip_norm: float
    learning_rate: float
    momentum: float
    taken_back: tuple[str, ...] = ()

    @property
    def sampling_rate(self) -> float:
        """The rate of the first segment, which is that of all where all are drawn alike."""
        return self.charges[0].sampling_rate

    @property
    def noise_deviation(self) -> float:
        """The standard deviation of the noise in a clipped sum."""
        return self.noise_multiplier * self.clip_norm

    @property
    def segments(self) -> tuple[str, ...]:
        """The segments whose records may be drawn."""
        return tuple(charge.segment for charge in self.charges)

    def cut(self, steps: int) -> "PrivateSteps":
        """Only so many of the steps."""
        return replace(self, steps=steps, charges=tuple(replace(charge, steps=steps) for charge in self.charges))

    def only(self, charges: Sequence[Charge]) -> "PrivateSteps":
        """The same steps on some of the segments."""
        return replace(self, charges=tuple(charges))


def planned_sampling(records: int, batch_size: int, epochs: int) -> tuple[float, int]:
    """The sampling rate (expected batch / records, at most 1) and the number of steps of one round."""
    return min(1.0, batch_size / records), max(1, round(epochs * records / batch_size))
