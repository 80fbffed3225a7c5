"""Train on what has arrived last, and on nothing before it: the lower bound of continual learning."""

from typing import Literal

from scenarios.learners.learner import Learner


class Naive(Learner):
    """`learner = "naive"`: also called fine-tuning."""

    kind: Literal["naive"] = "naive"
