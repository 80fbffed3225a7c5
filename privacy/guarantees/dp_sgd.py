"""Record-level differential privacy: each client runs DP-SGD on its own records and keeps account."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from privacy.accounting import Accountant
from privacy.parameters import Parameters

Positive = Annotated[float, Field(gt=0)]


class Budget(Parameters):
    """The most that any one client may spend over the life of its data, and what happens when it is spent.

    "retire-client": the client takes the steps that are left and then no more. "retire-segment": a segment whose next
    round would exceed it is used no more, the client's others are. "stop": the run ends with the round in which a
    client has nothing left.
    """

    epsilon: Positive
    on_exhausted: Literal["retire-client", "retire-segment", "stop"] = "retire-client"


class DpSgd(Parameters):
    """DP-SGD on each client; exactly one of `noise_multiplier` and `epsilon` is given.

    **Guarantee.** (epsilon, delta)-differential privacy of each record of each client, add-or-remove.
    With `noise_multiplier` (sigma / clip_norm) epsilon follows from the run; below 0.01 it would be in the thousands,
    as good as no noise, and is refused. With `epsilon` the noise is calibrated to the whole planned run.
    Seeded noise protects only against those who do not know the seed.
    """

    kind: Literal["dp-sgd"] = "dp-sgd"
    noise_multiplier: Annotated[float, Field(ge=0.01, le=1e6)] | None = None
    epsilon: Positive | None = None
    clip_norm: Annotated[float, Field(ge=1e-6, le=1e6)] = 1.0
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    accountant: Accountant = "rdp"
    budget: Budget | None = None
    noise_source: Literal["seeded", "system"] = "seeded"

    @model_validator(mode="after")
    def _one_source_of_noise(self) -> Self:
        if self.noise_multiplier is None and self.epsilon is None:
            raise ValueError("needs noise_multiplier, or epsilon from which the noise is calibrated; neither is given")
        if self.noise_multiplier is not None and self.epsilon is not None:
            raise ValueError(
                "noise_multiplier and epsilon are both given, and one follows from the other: leave one out"
            )
        if self.epsilon is not None and self.budget is not None and self.epsilon > self.budget.epsilon:
            raise ValueError(
                f"the whole run is planned to spend epsilon {self.epsilon:g}, more than the budget of "
                f"{self.budget.epsilon:g}: lower epsilon or raise budget.epsilon"
            )
        return self
