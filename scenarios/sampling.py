"""Who is asked in a round: everybody, a fixed number, or each client by the toss of a coin."""

from typing import Annotated, Literal

from pydantic import Field

from privacy.parameters import Parameters


class AllSampling(Parameters):
    """Every client, every round."""

    kind: Literal["all"] = "all"

    def share(self, clients: int) -> float:
        """The share of the rounds in which one of so many clients is asked, on average."""
        return 1.0


class FixedSampling(Parameters):
    """The same number of clients in every round, drawn without replacement."""

    kind: Literal["fixed"] = "fixed"
    count: Annotated[int, Field(ge=1)]
    """Clients a round, at most `federation.clients`."""

    def share(self, clients: int) -> float:
        """The share of the rounds in which one of so many clients is asked, on average."""
        return min(1.0, self.count / clients)


class PoissonSampling(Parameters):
    """Each client by itself by the toss of a coin, so the size of a cohort varies and may be zero."""

    kind: Literal["poisson"] = "poisson"
    rate: Annotated[float, Field(gt=0, le=1)]
    """The probability with which each client is asked."""

    def share(self, clients: int) -> float:
        """The share of the rounds in which one of so many clients is asked, on average."""
        return self.rate


SamplingParameters = Annotated[AllSampling | FixedSampling | PoissonSampling, Field(discriminator="kind")]
