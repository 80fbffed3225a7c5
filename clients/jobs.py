"""What training takes: a job is one client's work in one round."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from privacy.steps import PrivateSteps
from privacy.view import Vector
from scenarios.models import AnyModel
from scenarios.schema import Training

Features = npt.NDArray[np.float32] | npt.NDArray[np.int64]
"""One row a record: numbers, or the indices that an embedding looks up."""


@dataclass(frozen=True)
class Job:
    """One client's training in one round.

    `start` is the global model, float32[d]. `features` [N, ...] and `labels` int64[N] are those of all records of the
    data set, resident and never written to; `records` int64[n] says which are the client's, so that no job copies any.
    `private` says how DP-SGD runs, or is None. With `system_noise` the noise comes from the operating system's entropy
    instead of the stream named after (seed, client, round).
    """

    seed: int
    client: int
    round: int
    model: AnyModel
    classes: int
    start: Vector
    features: Features
    labels: npt.NDArray[np.int64]
    records: npt.NDArray[np.int64]
    training: Training
    private: PrivateSteps | None = None
    system_noise: bool = False

    @property
    def pace(self) -> tuple[float, float]:
        """The learning rate and the momentum of its steps."""
        steps = self.training if self.private is None else self.private
        return steps.learning_rate, steps.momentum
