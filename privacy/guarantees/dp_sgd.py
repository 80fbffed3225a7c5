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
    """The cap on each client's epsilon, at the run's delta."""
    on_exhausted: Literal["retire-client", "retire-segment", "stop"] = "retire-client"
    """What happens when it is spent."""


class DpSgd(Parameters):
    """DP-SGD on each client; exactly one of `noise_multiplier` and `epsilon` is given.

    **Guarantee.** (epsilon, delta)-differential privacy of each record of each client, add-or-remove.
    With `noise_multiplier` (sigma / clip_norm) epsilon follows from the run; below 0.01 it would be in the thousands,
    as good as no noise, and is refused. With `epsilon` the noise is calibrated to the whole planned run.
    Seeded noise protects only against those who do not know the seed.
    """

    kind: Literal["dp-sgd"] = "dp-sgd"
    noise_multiplier: Annotated[float, Field(ge=0.01, le=1e6)] | None = None
    """The noise's standard deviation over the clip norm; or give `epsilon`."""
    epsilon: Positive | None = None
    """What the whole run may spend, from which the noise is calibrated; or give `noise_multiplier`."""
    clip_norm: Annotated[float, Field(ge=1e-6, le=1e6)] = 1.0
    """The L2 norm to which each record's gradient is clipped."""
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    """The delta of (epsilon, delta)-differential privacy."""
    accountant: Accountant = "rdp"
    """How epsilon is reckoned: by Rényi divergences, or by privacy random variables (PRV), which is tighter."""
    budget: Budget | None = None
    """A cap that is kept while the run goes on; left out, there is none."""
    noise_source: Literal["seeded", "system"] = "seeded"
    """Whether noise and batches follow from the seed, or come from the operating system."""

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
