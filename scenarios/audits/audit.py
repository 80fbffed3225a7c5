"""What audits have in common: which runs they fit, and how one that does not is refused."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from privacy.parameters import Parameters

if TYPE_CHECKING:
    from scenarios.schema import Scenario

Confidence = Annotated[float, Field(ge=0.5, lt=1)]
"""With which probability, over everything the audit draws, an interval or a bound holds."""


class Audit(Parameters):
    """Something that is tried against a finished run; it changes nothing of the run."""

    def refusals(self, scenario: "Scenario") -> Iterator[tuple[str, str]]:
        """Keys of an audit that cannot be done on runs of this scenario, each with the reason."""
        yield from ()

    def conflicts(self, classes: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Keys that do not fit data of these classes, each with the reason; for that the data must be there."""
        yield from ()


def beyond_shadows(scenario: "Scenario", what: str) -> Iterator[tuple[str, str]]:
    """Refuse runs that no shadow is like: those in which `what` is asked about changes, and those of other learners."""
    if scenario.stream is not None or scenario.event:
        yield "kind", f"{what} changes over a timeline; needs a run without stream and events"
    elif scenario.learner.kind != "naive":
        yield "kind", f'a shadow does not learn by {scenario.learner.kind!r}; needs learner.kind = "naive"'
