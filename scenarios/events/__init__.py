"""Events by name: what changes in the middle of a run. One file a kind with a pure `apply`, one line here."""

from typing import Annotated

from pydantic import Field

from scenarios.events.budget import BudgetEvent
from scenarios.events.drift import DriftEvent
from scenarios.events.dropout import DropoutEvent
from scenarios.events.join import Join
from scenarios.events.leave import Leave
from scenarios.events.new_segment import NewSegment
from scenarios.events.poison import PoisonEvent
from scenarios.events.straggle import Straggle
from scenarios.events.unlearn import Unlearn

__all__ = [
    "AnyEvent",
    "BudgetEvent",
    "DriftEvent",
    "DropoutEvent",
    "EventParameters",
    "Join",
    "Leave",
    "NewSegment",
    "PoisonEvent",
    "Straggle",
    "Unlearn",
]

AnyEvent = Join | Leave | DropoutEvent | Straggle | DriftEvent | NewSegment | PoisonEvent | Unlearn | BudgetEvent
EventParameters = Annotated[AnyEvent, Field(discriminator="kind")]
