"""Shifts by name: how records change, between domains, in the middle of a run, or by an attacker's hand."""

from typing import Annotated

from pydantic import Field

from privacy.parameters import Named
from scenarios.shifts.backdoor import Backdoor
from scenarios.shifts.inversion import Inversion
from scenarios.shifts.label_flip import LabelFlip
from scenarios.shifts.labels import LabelPermutation
from scenarios.shifts.permutation import Permutation
from scenarios.shifts.resolution import Resolution
from scenarios.shifts.rotation import Rotation

__all__ = [
    "AnyShift",
    "Backdoor",
    "Inversion",
    "LabelFlip",
    "LabelPermutation",
    "Permutation",
    "Resolution",
    "Rotation",
    "ShiftParameters",
]

AnyShift = Rotation | Permutation | Resolution | Inversion | LabelPermutation | LabelFlip | Backdoor
ShiftParameters = Annotated[AnyShift, Field(discriminator="kind"), Named]
