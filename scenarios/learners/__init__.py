"""Learners by name: how clients learn while data come and go. One file a kind, one line here."""

from typing import Annotated

from pydantic import Field

from scenarios.learners.additive_statistics import AdditiveStatistics
from scenarios.learners.cumulative import Cumulative
from scenarios.learners.ewc import Ewc
from scenarios.learners.fedprox import FedProx
from scenarios.learners.learner import Part, Task
from scenarios.learners.lwf import Lwf
from scenarios.learners.naive import Naive
from scenarios.learners.replay import Replay

__all__ = [
    "AdditiveStatistics",
    "AnyLearner",
    "Cumulative",
    "Ewc",
    "FedProx",
    "LearnerParameters",
    "Lwf",
    "Naive",
    "Part",
    "Replay",
    "Task",
]

AnyLearner = Naive | Cumulative | Replay | Ewc | Lwf | FedProx | AdditiveStatistics
LearnerParameters = Annotated[AnyLearner, Field(discriminator="kind")]
