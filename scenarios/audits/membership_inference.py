"""Membership inference: can the released model tell who was among the training records?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from scenarios.audits.audit import Audit, Confidence, beyond_shadows

if TYPE_CHECKING:
    from scenarios.schema import Scenario


class MembershipInference(Audit):
    """`kind = "membership-inference"`: a threshold on the loss and, with `shadows`, LiRA and RMIA on the final model.

    The mathematics is `privacy.audits.membership`. Each shadow is a whole federation of its own, trained on as many
    records as the run's clients hold, so it takes about as long as the run's training; 0 leaves LiRA and RMIA out.
    """

    kind: Literal["membership-inference"] = "membership-inference"
    shadows: Annotated[int, Field(ge=0, le=128)] = 16
    """How many federations are trained to compare with; 0 leaves LiRA and RMIA out."""
    confidence: Confidence = 0.95
    """The confidence of the intervals."""

    def refusals(self, scenario: "Scenario") -> Iterator[tuple[str, str]]:
        """Who is a member must be the same in all rounds, and a shadow must be trained as the run was."""
        yield from beyond_shadows(scenario, "who is a member")
        if self.shadows and scenario.federation.sampling.kind != "all":
            yield "shadows", 'shadows are trained with all clients in each round; needs sampling = "all" or shadows = 0'
        if self.shadows == 1:
            yield "shadows", "one shadow shows no spread; at least 2, or 0 for the loss alone"
