"""What training takes: a job is one client's work in one round."""

import math
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

    **Guarantee.** Under DP-SGD it is added after clipping, noise and scaling. That is post-processing: w is what the
    noisy steps so far have given, and `anchor` and `strength` must be public, or released under privacy themselves.

    Jobs that share these arrays, not copies of them, train faster together.
    """

    anchor: Vector
    strength: float | Vector


@dataclass(frozen=True, eq=False)
class Teacher:
    """Adds strength * T^2 * KL(softmax(teacher / T) || softmax(student / T)) to each sample's loss, of their logits.

    Learning without forgetting (Li & Hoiem 2016, arXiv 1606.09282, section 3) in the form of Hinton et al. 2015,
    arXiv 1503.02531, section 2.1, whose T^2 keeps the gradient's size whatever the temperature T. `parameters`
    float32[d] are the old model's. The softmax is over `classes` bool[classes], or over the whole label space without.

    **Guarantee.** Under DP-SGD a sample's gradient has this part before it is clipped, so what a record can change
    stays bounded; `parameters` must be public, or released under privacy themselves.

    Raises ValueError for a temperature that is not positive and a negative strength.
    """

    parameters: Vector
    strength: float
    temperature: float
    classes: Classes | None = None

    def __post_init__(self) -> None:
        if not self.temperature > 0.0:
            raise ValueError(f"temperature must be positive, not {self.temperature}")
        if not self.strength >= 0.0:
            raise ValueError(f"strength must not be negative, but is {self.strength}")


@dataclass(frozen=True)
class Job:
    """One client's training in one round.

    `start` is the global model, float32[d]. `features` [N, ...] and `labels` int64[N] are those of all records of the
    data set, resident and never written to; `records` int64[n] says which are the client's, so that no job copies any.
    `private` says how DP-SGD runs, or is None. With `system_noise` the noise comes from the operating system's entropy
    instead of the stream named after (seed, identity, client, round), where `identity` names the run by all that
    decides what it releases. Runs that differ must share no noise and no coins: of two releases with the same noise,
    one of which has more of it, the noise can be worked out, and their epsilons would not add up.

    `draws` says of consecutive parts of `records`, new ones first, how many of each a step takes; without any, a step
    takes `training.batch_size` of all. `pull` draws the parameters towards others; with momentum it enters the velocity
    as any gradient does. `teacher` is an older model that the loss keeps the new one close to. `allowed` bool[classes],
    which must be public, is the label space so far: the other classes' logits take no part in the cross-entropy.

    `clients` is how many there are, and `expected_rounds` in about how many a client trains on the same records, both
    as the scenario has them: what can be kept for another round may pay.

    Raises ValueError for draws that are not of exactly the `records`; for a private job's part of records that no step
    would ever take; for vectors and masks of another size than the model's; where one of the job's records has a label
    that is not allowed; and for a teacher of no class or of classes that are not allowed.
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
    teacher: Teacher | None = None
    allowed: Classes | None = None
    clients: int = 1
    expected_rounds: float = math.inf
    identity: str = ""

    def __post_init__(self) -> None:
        drawn = sum(draw.records for draw in self.draws)
        if self.draws and drawn != len(self.records):
            raise ValueError(f"the draws are of {drawn} records, the job has {len(self.records)}")
        if self.private is not None and any(draw.records and not draw.sampling_rate for draw in self.draws):
            raise ValueError("a private job's draws need a sampling_rate above 0: no step would take their records")
        if self.pull is not None:
            _require_shape("pull.anchor", self.pull.anchor, self.start.shape)
            if isinstance(self.pull.strength, np.ndarray):
                _require_shape("pull.strength", self.pull.strength, self.start.shape)
        if self.allowed is not None:
            self._require_labels(self.allowed)
        if self.teacher is not None:
            self._require_lessons(self.teacher)

    @property
    def pace(self) -> tuple[float, float]:
        """The learning rate and the momentum of its steps."""
        steps = self.training if self.private is None else self.private
        return steps.learning_rate, steps.momentum

    @property
    def expected_batch(self) -> float:
        """How many records a step takes; under DP-SGD the divisor of the noisy sum, which is public."""
        if self.private is None:
            if not self.draws:
                return min(self.training.batch_size, len(self.records))
            return sum(min(draw.batch_size, draw.records) for draw in self.draws)
        if not self.draws:
            return self.private.sampling_rate * len(self.records)
        return sum(draw.batch_size for draw in self.draws)

    @property
    def taught_classes(self) -> Classes:
        """The classes that a teacher teaches: its own, or else all of the label space."""
        if self.teacher is not None and self.teacher.classes is not None:
            return self.teacher.classes
        return np.ones(self.classes, np.bool_) if self.allowed is None else self.allowed

    def _require_labels(self, allowed: Classes) -> None:
        _require_shape("allowed", allowed, (self.classes,))
        found = np.unique(self.labels[self.records])
        other = found[~allowed[found]].tolist()
        if other:
            raise ValueError(f"client {self.client} has records of the classes {other}, which are not allowed")

    def _require_lessons(self, teacher: Teacher) -> None:
        _require_shape("teacher.parameters", teacher.parameters, self.start.shape)
        taught = self.taught_classes
        _require_shape("teacher.classes", taught, (self.classes,))
        if not taught.any():
            raise ValueError("teacher.classes must have a class to teach")
        if self.allowed is not None and (taught & ~self.allowed).any():
            raise ValueError(f"teacher.classes {np.flatnonzero(taught & ~self.allowed).tolist()} are not allowed")


def _require_shape(name: str, values: Vector | Classes, shape: tuple[int, ...]) -> None:
    if values.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, not {values.shape}")
