"""Clients that are asked and do not answer: each by the toss of a coin, anew in every round."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from scenarios.events.event import Clients, PassingEvent, Refusals, absent, named
from scenarios.world import Dropout, World

if TYPE_CHECKING:
    from scenarios.schema import Scenario


class DropoutEvent(PassingEvent):
    """`kind = "dropout"`: in each round each of `clients` (left out: everybody) is lost with probability `rate`.

    `stage` says when: "before-training" costs nobody anything; "after-training" loses the reply alone, so a private
    client has drawn its noise and is charged. The server cannot tell which, and takes the charge for spent until the
    client reports again.
    """

    kind: Literal["dropout"]
    rate: Annotated[float, Field(gt=0, lt=1)]
    """The probability with which each of them is lost in each round."""
    clients: Clients | None = Field(default=None, min_length=1, strict=False)
    """Who may be lost; left out, everybody."""
    stage: Literal["before-training", "after-training"] = "before-training"
    """When they are lost."""

    def apply(self, world: World) -> World:
        """The world in which they drop out."""
        name = f"dropout {self.at}"
        return replace(world, dropouts=(*world.dropouts, Dropout(name, self.clients, self.rate, self.stage)))

    def describe(self) -> str:
        """The event in words."""
        who = "every client" if self.clients is None else named(self.clients)
        return f"dropouts: {who}, with probability {self.rate:g} a round"

    def refusals(self, scenario: "Scenario", before: World) -> Refusals:
        """Only who is there can drop out; a single release must not get lost."""
        yield from absent(self.clients or (), before)
        if not scenario.learner.repeats:
            yield "kind", f"a reply that is lost is missing for good with the learner {scenario.learner.kind!r}"
