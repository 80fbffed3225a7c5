"""Data are to be forgotten: taken out of training, and out of the model by one of the methods. Charges stay."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from scenarios.events.event import Clients, Event, Refusals, absent, named
from scenarios.world import EVERYTHING, Restart, World

if TYPE_CHECKING:
    from scenarios.schema import Scenario

Segments = tuple[Annotated[str, Field(min_length=1)], ...]


class Unlearn(Event):
    """`kind = "unlearn"`: from round `at` on, `segments` of `clients` (left out: all they have) are used no more.

    `method`: "retrain" starts the model anew and trains it in the rounds that are left; "rollback" goes back to the
    model before the first round in which any of the data, or of those unlearned before, could be used;
    "subtract-statistics" takes their sums out again, exact for additive statistics; "keep-training" leaves the model as
    it is, which is not unlearning. A client without any data left takes no part any more. No privacy charge is ever
    refunded.
    """

    kind: Literal["unlearn"]
    clients: Clients = Field(min_length=1, strict=False)
    """Whose data are used no more."""
    segments: Segments | None = Field(default=None, min_length=1, strict=False)
    """Which of their segments, by name; left out, all."""
    method: Literal["retrain", "rollback", "subtract-statistics", "keep-training"]
    """How they are taken out of the model."""

    @property
    def targets(self) -> frozenset[tuple[int, str]]:
        """What is unlearned, as (client, segment)."""
        return frozenset((client, name) for client in self.clients for name in self.segments or (EVERYTHING,))

    def apply(self, world: World) -> World:
        """The world in which it may be used no more; the model restarts in the first round of that."""
        subtracted = self.targets if self.method == "subtract-statistics" else frozenset[tuple[int, str]]()
        return replace(
            world,
            unlearned=world.unlearned | self.targets,
            subtracted=world.subtracted | subtracted,
            restart=self._restart(world) if world.round == self.at else world.restart,
        )

    def describe(self) -> str:
        """The event in words."""
        what = "everything" if self.segments is None else ", ".join(map(repr, self.segments))
        how = "keep training, which is not unlearning" if self.method == "keep-training" else self.method
        return f"unlearning {what} of {named(self.clients)}: {how}"

    def refusals(self, scenario: "Scenario", before: World) -> Refusals:
        """What was never there cannot be forgotten, and a method must fit the learner."""
        missing = {client for client in self.clients if before.has_unlearned(client, EVERYTHING)}
        if missing and self.method != "retrain":  # a model can start anew more than once
            yield "clients", f"{named(missing)}: everything is unlearned already"
        additive = not scenario.learner.repeats
        if self.method == "subtract-statistics" and additive:
            yield from absent(self.clients, before)  # who is to subtract must be there
        if self.method == "subtract-statistics" and scenario.system_noise:
            yield "method", "noise from the operating system cannot be drawn again, and so not be subtracted"
        if self.method == "subtract-statistics" and not additive:
            yield "method", 'only the learner "additive-statistics" can subtract; use "retrain" or "rollback"'
        if additive and self.method != "subtract-statistics":
            yield "method", 'the learner "additive-statistics" unlearns exactly by "subtract-statistics"'

    def _restart(self, world: World) -> Restart | None:
        """Where the model goes back to: to where an event before this one in the round takes it, or further."""
        if self.method not in ("retrain", "rollback"):
            return world.restart
        if self.method == "retrain" or world.restart == Restart(None):
            return Restart(None)
        # A state that was kept on the way may hold what was unlearned since.
        return Restart(world.unlearned | self.targets)
