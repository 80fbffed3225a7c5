"""Learning without forgetting (Li & Hoiem 2016, arXiv 1606.09282): the old model teaches the new one.

The teacher is the global model at the end of the experience before. It is public, but what it says of a record is not:
under DP-SGD its gradients are clipped with the record's own.
"""

from typing import Annotated, Literal

from pydantic import Field

from scenarios.learners.learner import Learner


class Lwf(Learner):
    """`learner = { kind = "lwf", strength = 1.0, temperature = 2.0 }`."""

    kind: Literal["lwf"] = "lwf"
    strength: Annotated[float, Field(gt=0, le=1e9)] = 1.0
    """How much the old model's answers weigh beside the labels."""
    temperature: Annotated[float, Field(gt=0)] = 2.0
    """What both models' logits are divided by before they are compared."""
