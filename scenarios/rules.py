"""How a round's updates become the next model; the arithmetic is `server.rules`."""

from typing import Literal

from privacy.parameters import Parameters


class FedAvg(Parameters):
    """`rule = "fedavg"`: the weighted mean of the updates (McMahan et al. 2017, arXiv 1602.05629)."""

    kind: Literal["fedavg"] = "fedavg"


# With a second rule this becomes `Annotated[FedAvg | ..., Field(discriminator="kind")]`.
RuleParameters = FedAvg
