"""Gradient inversion: can the server see a client's records in what the client sends?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from scenarios.audits.audit import Audit, Confidence

if TYPE_CHECKING:
    from scenarios.schema import Scenario


class GradientInversion(Audit):
    """`kind = "gradient-inversion"`: rebuild the records of so many of the first round's clients from their updates.

    The mathematics is `privacy.audits.inversion`. A run keeps no updates, so its first round is played again. Where
    a model's first layer does not give records away they are searched for: in so many `steps`, a few seconds a client,
    and, where a search got stuck, in up to so many `attempts`.
    """

    kind: Literal["gradient-inversion"] = "gradient-inversion"
    clients: Annotated[int, Field(ge=1, le=32)] = 8
    """How many of the first round's clients are attacked."""
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    """How often a search that got stuck begins anew, at most."""
    steps: Annotated[int, Field(ge=1, le=10_000)] = 600
    """The steps of one search."""
    confidence: Confidence = 0.95
    """The confidence of the interval."""

    def refusals(self, scenario: "Scenario") -> Iterator[tuple[str, str]]:
        """Clients must send the gradients of a model that sees their records."""
        if not scenario.learner.repeats:
            yield "kind", f"clients send no gradients under learner.kind = {scenario.learner.kind!r}"
        elif scenario.model.recipe():
            yield (
                "kind",
                f"{scenario.model.kind!r} trains on fixed features and never on records: what this attack would read "
                "off are the features; needs model.kind logistic, mlp, cnn or sequential",
            )
