"""The canary audit: a lower bound on epsilon from the very mechanism that the run's noise came from."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from privacy.guarantees import DpSgd
from scenarios.audits.audit import Audit, Confidence

if TYPE_CHECKING:
    from scenarios.schema import Scenario


class Canary(Audit):
    """`kind = "canary"`: so many gradients along coordinates of their own, each in or out by a coin; who was in?

    The mathematics is `privacy.audits.canary`. More canaries can certify a larger epsilon: 100 at most
    3.1, 1,000 at most 5.4, 2,000 at most 6.0, 10,000 at most 6.8 (at delta 1e-5).

    What is played has `sabotage` times the run's noise: 1 is the run's own mechanism, anything less breaks it on
    purpose, to see whether the audit notices. Such findings say so and never count against the run.
    """

    kind: Literal["canary"] = "canary"
    canaries: Annotated[int, Field(ge=100, le=10_000)] = 2000
    """How many gradients are in or out by a coin."""
    confidence: Confidence = 0.95
    """The confidence of the bound."""
    sabotage: Annotated[float, Field(ge=0, le=1)] = 1.0
    """What the run's noise is multiplied with before it is played."""

    @model_serializer(mode="wrap")
    def _without_sabotage_that_is_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Leave it out where nothing is broken, so that such scenarios keep the hash they always had."""
        values: dict[str, object] = handler(self)
        if self.sabotage == 1.0:
            del values["sabotage"]
        return values

    def refusals(self, scenario: "Scenario") -> Iterator[tuple[str, str]]:
        """There must be noise to audit."""
        if not isinstance(scenario.privacy, DpSgd):
            yield "kind", 'there is no noise to audit; canaries need privacy.kind = "dp-sgd"'
