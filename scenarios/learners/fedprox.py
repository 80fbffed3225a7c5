"""FedProx (Li et al. 2020, arXiv 1812.06127): local training is pulled back to the global model of the round."""

from typing import Annotated, Literal

from pydantic import Field

from scenarios.learners.learner import Learner


class FedProx(Learner):
    """`learner = { kind = "fedprox", mu = 0.1 }`."""

    kind: Literal["fedprox"] = "fedprox"
    mu: Annotated[float, Field(gt=0)] = 0.1
    """How strong the pull is: each step's gradient gets mu * (w - w_global)."""
