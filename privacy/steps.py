"""What a client's DP-SGD runs in one round, and what that costs; kept apart from torch so that planning is quick."""

from dataclasses import dataclass

from privacy.ledger import Charge

MECHANISM = "dp-sgd"


@dataclass(frozen=True)
class PrivateSteps:
    """`steps` noisy steps on one segment. `noise_multiplier` is sigma / clip_norm."""

    segment: str
    steps: int
    sampling_rate: float
    noise_multiplier: float
    clip_norm: float
    learning_rate: float
    momentum: float

    @property
    def charge(self) -> Charge:
        """What these steps cost, to be kept before anything they produced leaves the client."""
        return Charge(self.segment, MECHANISM, self.noise_multiplier, self.sampling_rate, self.steps)


def planned_sampling(records: int, batch_size: int, epochs: int) -> tuple[float, int]:
    """The sampling rate (expected batch / records, at most 1) and the number of steps of one round."""
    return min(1.0, batch_size / records), max(1, round(epochs * records / batch_size))
