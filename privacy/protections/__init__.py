"""Protections: the ways in which a cohort's updates can be summed. Exactly one is in force in a run."""

from typing import Annotated

from pydantic import Field

from privacy.protections.homomorphic import Homomorphic
from privacy.protections.none import NoProtection

__all__ = ["Homomorphic", "NoProtection", "ProtectionParameters"]

ProtectionParameters = Annotated[
    NoProtection | Homomorphic,
    Field(discriminator="kind"),
]
