"""Audits by name: what `fedcrucible audit` tries against a finished run. One file a kind, one line here."""

from typing import TYPE_CHECKING

from scenarios.audits.canary import Canary

if TYPE_CHECKING:
    from scenarios.schema import Scenario

__all__ = ["AnyAudit", "AuditParameters", "Canary", "fitting"]

AnyAudit = Canary
# With a second audit this becomes `Annotated[AnyAudit, Field(discriminator="kind")]`.
AuditParameters = AnyAudit


def fitting(scenario: "Scenario") -> tuple[AnyAudit, ...]:
    """The audits that fit runs of a scenario and take seconds."""
    return tuple(audit for audit in (Canary(),) if not list(audit.refusals(scenario)))
