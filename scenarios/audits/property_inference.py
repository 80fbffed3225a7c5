"""Property inference: does a client's update give away how much of its data is of one class?"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from scenarios.audits.audit import Audit, Confidence, beyond_shadows

if TYPE_CHECKING:
    from scenarios.schema import Scenario

Share = Annotated[float, Field(ge=0, le=1)]


class PropertyInference(Audit):
    """`kind = "property-inference"`: is the first or the second of `shares` of a client's records of class `label`?

    The mathematics is `privacy.audits.property_inference`. The attacker trains `shadows` clients as large as the run's
    to learn from, and as many others are made for it to be tried on; each takes as long as one client's round. Without
    a `label` it is about the data's first class.
    """

    kind: Literal["property-inference"] = "property-inference"
    label: str | None = None
    """The class that is asked about; left out, the data's first."""
    shares: tuple[Share, Share] = Field(default=(0.1, 0.4), strict=False)
    """The two shares of that class that are told apart; they rise."""
    shadows: Annotated[int, Field(ge=20, le=2000)] = 200
    """How many clients the attacker trains to learn from."""
    confidence: Confidence = 0.95
    """The confidence of the intervals."""

    @model_validator(mode="after")
    def _shares_rise(self) -> Self:
        if self.shares[0] >= self.shares[1]:
            raise ValueError(f"shares must rise, as in [0.1, 0.4]; {list(self.shares)} does not")
        return self

    def refusals(self, scenario: "Scenario") -> Iterator[tuple[str, str]]:
        """What a client holds must be the same in all rounds, and a shadow must be trained as the run's clients are."""
        yield from beyond_shadows(scenario, "what a client holds")

    def conflicts(self, classes: Sequence[str]) -> Iterator[tuple[str, str]]:
        """The label must be one of the data's."""
        if self.label is not None and self.label not in classes:
            known = ", ".join(map(repr, classes))
            yield "label", f"the data have no class {self.label!r}; they have {known}"
