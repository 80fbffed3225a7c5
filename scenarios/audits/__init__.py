"""Audits by name: what `fedcrucible audit` tries against a finished run. One file a kind, one line here."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from scenarios.audits.canary import Canary
from scenarios.audits.gradient_inversion import GradientInversion
from scenarios.audits.key_recovery import KeyRecovery
from scenarios.audits.membership_inference import MembershipInference
from scenarios.audits.property_inference import PropertyInference
from scenarios.audits.visibility import Visibility

if TYPE_CHECKING:
    from scenarios.schema import Scenario

__all__ = [
    "AnyAudit",
    "AuditParameters",
    "Canary",
    "GradientInversion",
    "KeyRecovery",
    "MembershipInference",
    "PropertyInference",
    "Visibility",
    "fitting",
]

AnyAudit = Canary | GradientInversion | KeyRecovery | MembershipInference | PropertyInference | Visibility
AuditParameters = Annotated[AnyAudit, Field(discriminator="kind")]


def fitting(scenario: "Scenario") -> tuple[AnyAudit, ...]:
    """The audits that fit runs of a scenario and take seconds."""
    quick = Canary(), KeyRecovery(), MembershipInference(shadows=0), Visibility(), GradientInversion(clients=2)
    return tuple(audit for audit in quick if not list(audit.refusals(scenario)))
