"""Elastic weight consolidation, online (Schwarz et al. 2018, arXiv 1805.06370, after Kirkpatrick et al. 2017).

When an experience is over, each client is asked for the diagonal of its data's Fisher information at the global model.
The sum over clients and experiences holds weights in place that mattered before. Under DP-SGD the diagonals are a
release of their own, with their own noise and their own row in the ledger.
"""

from typing import Annotated, Literal

from pydantic import Field

from scenarios.learners.learner import Learner


class Ewc(Learner):
    """`learner = { kind = "ewc", strength = 100.0, decay = 1.0 }`."""

    kind: Literal["ewc"] = "ewc"
    strength: Annotated[float, Field(gt=0, le=1e9)] = 100.0
    """Lambda: each step's gradient gets lambda * F * (w - w_old), F the Fisher information."""
    decay: Annotated[float, Field(ge=0, le=1)] = 1.0
    """What the older Fisher information is multiplied with when a new one is added."""

    @property
    def consolidates(self) -> bool:
        """Clients are asked for their Fishers."""
        return True
