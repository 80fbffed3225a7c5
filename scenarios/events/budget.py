"""The cap on each client's epsilon changes."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from privacy.guarantees import DpSgd
from scenarios.events.event import Event, Refusals
from scenarios.world import World

if TYPE_CHECKING:
    from scenarios.schema import Scenario


class BudgetEvent(Event):
    """`kind = "budget"`: from round `at` on, `epsilon` is the most that any one client may have spent."""

    kind: Literal["budget"]
    epsilon: Annotated[float, Field(gt=0)]
    """The new cap."""

    def apply(self, world: World) -> World:
        """The world with this cap."""
        return replace(world, budget=self.epsilon)

    def describe(self) -> str:
        """The event in words."""
        return f"the budget becomes epsilon {self.epsilon:g}"

    def refusals(self, scenario: "Scenario", before: World) -> Refusals:
        """There must be a budget that can change."""
        if not isinstance(scenario.privacy, DpSgd) or scenario.privacy.budget is None:
            yield "kind", "there is no privacy.budget that could change"
