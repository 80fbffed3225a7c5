"""Hostile clients: wrong labels, a backdoor, updates made larger than they are."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from privacy.parameters import Named
from scenarios.events.event import Clients, PassingEvent, Refusals, absent, verb
from scenarios.shifts import Backdoor, LabelFlip
from scenarios.world import Applied, Poison, World

if TYPE_CHECKING:
    from scenarios.schema import Scenario

Attack = Annotated[LabelFlip | Backdoor, Field(discriminator="kind"), Named]


class PoisonEvent(PassingEvent):
    """`kind = "poison"`: `clients` train on a `share` of their records changed by `attack`.

    `boost` multiplies their updates, after clipping and noise: model replacement (Bagdasaryan et al. 2020,
    arXiv 1807.00459). A backdoor's success is measured on the test records of other classes that carry its trigger.
    """

    kind: Literal["poison"]
    clients: Clients = Field(min_length=1, strict=False)
    """Who is hostile."""
    attack: Attack
    """How they change their records."""
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of their records that they change."""
    boost: Annotated[float, Field(ge=1, le=1e6)] = 1.0
    """What their updates are multiplied with, after clipping and noise."""

    @property
    def applied(self) -> Applied:
        """The shift, under the name of its randomness."""
        return Applied(f"poison {self.at} {self.attack.kind}", self.attack)

    def apply(self, world: World) -> World:
        """The world in which they are hostile."""
        poison = Poison(self.applied, self.share, self.boost)
        return replace(world, poisons={**world.poisons, **dict.fromkeys(self.clients, poison)})

    def describe(self) -> str:
        """The event in words."""
        boosted = f", updates times {self.boost:g}" if self.boost > 1 else ""
        return f"{verb(self.clients, 'poison')} {self.share:.0%} of the records ({self.attack.kind}){boosted}"

    def refusals(self, scenario: "Scenario", before: World) -> Refusals:
        """Only who is there can do harm."""
        yield from absent(self.clients, before)
        if not scenario.learner.repeats:
            yield "kind", f"records are seen once with the learner {scenario.learner.kind!r}, so they cannot change"
