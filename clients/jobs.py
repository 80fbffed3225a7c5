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

Classes = npt.NDArray[np.bool_]
"""Some of all classes: bool[classes]."""


@dataclass(frozen=True)
class Draw:
    """How many of the next `records` of `Job.records` a step takes: `batch_size`, expected ones under DP-SGD.

    Under DP-SGD each of them enters each step by itself with `sampling_rate`, and `batch_size` is a nominal, public
    number. Raises ValueError for sizes or a rate that cannot be.
    """

    records: int
    batch_size: int
    sampling_rate: float = 0.0

    def __post_init__(self) -> None:
        if self.records < 0 or self.batch_size < 1:
            raise ValueError(f"a draw takes at least 1 of at least 0 records, not {self.batch_size} of {self.records}")
        if not 0.0 <= self.sampling_rate <= 1.0:
            raise ValueError(f"sampling_rate must be from 0 to 1, not {self.sampling_rate}")


@dataclass(frozen=True, eq=False)
class Pull:
    """Adds `strength * (w - anchor)` to the gradient of each step at the parameters w.

    FedProx (Li et al. 2020, arXiv 1812.06127, section 3): one strength mu and the start as the anchor. Elastic weight
    consolidation (Kirkpatrick et al. 2017, arXiv 1612.00796, equation 3): lambda times the Fisher information as the
    strength, float32[d], and the old model as the anchor.

    **Guarantee.** Under DP-SGD it is added after clipping and noise. That is post-processing as long as `anchor` and
    `strength` are public or private releases themselves: no step's gradient tells more of a record through it. Jobs
    that share these arrays, not copies of them, train faster together.
    """

    anchor: Vector
    strength: float | Vector


@dataclass(frozen=True)
class Job:
    """One client's training in one round.

    `start` is the global model, float32[d]. `features` [N, ...] and `labels` int64[N] are those of all records of the
    data set, resident and never written to; `records` int64[n] says which are the client's, so that no job copies any.
    `private` says how DP-SGD runs, or is None. With `system_noise` the noise comes from the operating system's entropy
    instead of the stream named after (seed, client, round).

    `draws` says of consecutive parts of `records`, new ones first, how many of each a step takes; without any, a step
    takes `training.batch_size` of all. Raises ValueError for draws that are not of exactly the `records`, and for
    a private job's part of records that no step would ever take. `pull` draws the parameters
    towards others; with momentum it enters the velocity as any gradient does. Raises ValueError where it is not of the
    model's size.

    `allowed` bool[classes] is the label space so far: the other classes' logits take no part in the loss. It must be
    public. Raises ValueError where one of the job's records has another label.
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
    draws: tuple[Draw, ...] = ()
    pull: Pull | None = None
    allowed: Classes | None = None

    def __post_init__(self) -> None:
        drawn = sum(draw.records for draw in self.draws)
        if self.draws and drawn != len(self.records):
            raise ValueError(f"the draws are of {drawn} records, the job has {len(self.records)}")
        if self.private is not None and any(draw.records and not draw.sampling_rate for draw in self.draws):
            raise ValueError("a private job's draws need a sampling_rate above 0: no step would take their records")
        if self.pull is not None:
            self._require_size("pull.anchor", self.pull.anchor)
            if isinstance(self.pull.strength, np.ndarray):
                self._require_size("pull.strength", self.pull.strength)
        if self.allowed is not None:
            self._require_labels(self.allowed)

    @property
    def pace(self) -> tuple[float, float]:
        """The learning rate and the momentum of its steps."""
        steps = self.training if self.private is None else self.private
        return steps.learning_rate, steps.momentum

    @property
    def expected_batch(self) -> float:
        """How many records a step takes; under DP-SGD the divisor of the noisy sum, which is public."""
        if self.private is None:
            parts = self.draws or (Draw(len(self.records), self.training.batch_size),)
            return sum(min(draw.batch_size, draw.records) for draw in parts)
        if self.draws:
            return sum(draw.batch_size for draw in self.draws)
        return self.private.sampling_rate * len(self.records)

    def _require_size(self, name: str, vector: Vector) -> None:
        if vector.shape != self.start.shape:
            raise ValueError(f"{name} must have the shape of the start, {self.start.shape}, not {vector.shape}")

    def _require_labels(self, allowed: Classes) -> None:
        if allowed.shape != (self.classes,):
            raise ValueError(f"allowed must have the shape ({self.classes},), not {allowed.shape}")
        found = np.unique(self.labels[self.records])
        if not allowed[found].all():
            raise ValueError(
                f"client {self.client} has records of the classes {found[~allowed[found]].tolist()}, not allowed"
            )
