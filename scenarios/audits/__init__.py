"""Audits by name: what `fedcrucible audit` tries against a finished run. One file a kind, one line here."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from scenarios.audits.canary import Canary
from scenarios.audits.key_recovery import KeyRecovery

if TYPE_CHECKING:
    from scenarios.schema import Scenario

__all__ = ["AnyAudit", "AuditParameters", "Canary", "KeyRecovery", "fitting"]

AnyAudit = Canary | KeyRecovery
AuditParameters = Annotated[AnyAudit, Field(discriminator="kind")]


def fitting(scenario: "Scenario") -> tuple[AnyAudit, ...]:
    """The audits that fit runs of a scenario and take seconds."""
    return tuple(audit for audit in (Canary(), KeyRecovery()) if not list(audit.refusals(scenario)))
