"""Additive statistics on frozen features: nothing is trained, so nothing is forgotten (AFL, arXiv 2405.16240).

Every client releases, once for each segment, the sums G = sum x x^T and C = sum x y^T; the server adds them up and
solves a ridge regression. The result does not depend on who held what, or on the order in which it came. Subtraction
unlearns exactly. One Gaussian release per segment gives differential privacy.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from privacy.statistics import RIDGE
from scenarios.learners.learner import Learner, Part, whole
from scenarios.segments import Segment
from scenarios.world import World

if TYPE_CHECKING:
    from scenarios.schema import Scenario

_MODELS = ("logistic", "random-features", "hog", "scattering")


class AdditiveStatistics(Learner):
    """`learner = { kind = "additive-statistics", ridge = 0.0001 }`: G = sum x x^T and C = sum x y^T are solved for."""

    kind: Literal["additive-statistics"] = "additive-statistics"
    ridge: Annotated[float, Field(ge=1e-12, le=1e6)] = RIDGE
    """What G gets on its diagonal before the regression is solved, times the number of records."""

    @property
    def repeats(self) -> bool:
        """One release per segment."""
        return False

    def parts(self, world: World, usable: Sequence[Segment], batch_size: int) -> tuple[Part, ...]:
        """Every usable segment in full, each record with certainty."""
        records = sum(segment.size for segment in usable)
        return whole(usable, records)

    def refusals(self, scenario: "Scenario") -> Iterator[tuple[str, str]]:
        """There must be one linear layer to solve for, and everybody must be asked."""
        if scenario.model.kind not in _MODELS:
            yield "model.kind", f"additive statistics need a linear model on frozen features: {', '.join(_MODELS)}"
        if scenario.federation.sampling.kind != "all":
            yield "federation.sampling", 'statistics are released once, so everybody is asked: kind = "all"'
