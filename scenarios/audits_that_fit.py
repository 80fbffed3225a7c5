"""Which audits of a file with a [sweep] fit a point of it: noise cannot be audited where a point has none."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import TypeAdapter, ValidationError

from privacy.errors import ScenarioError
from privacy.parameters import Named
from scenarios import refusals, source
from scenarios.audits import AnyAudit, AuditParameters
from scenarios.schema import Scenario
from scenarios.source import Opened
from scenarios.toml_lines import KeyPath

_KEY = "audit"
_PARAMETERS: TypeAdapter[AnyAudit] = TypeAdapter(Annotated[AuditParameters, Named])


def audits_that_fit(
    opened: Opened, values: dict[str, object], origins: dict[KeyPath, str]
) -> tuple[dict[str, object], tuple[str, ...]]:
    """The `audit` of a point without those that do not fit its scenario, and their kinds; nothing where all do."""
    asked = _listed(values)
    if not asked:
        return {}, ()
    try:
        bare = source.validated(opened, {key: value for key, value in values.items() if key != _KEY}, origins)
    except ScenarioError:
        return {}, ()  # what is wrong is told together with what is wrong with the audits
    unfit = [one for one in asked if _reasons(one, bare)]
    kinds = tuple(_PARAMETERS.validate_python(one).kind for one in unfit)
    return ({_KEY: [one for one in asked if one not in unfit]}, kinds) if unfit else ({}, ())


def require_one_fit(opened: Opened, scenarios: Sequence[Scenario]) -> None:
    """Raise ScenarioError for every audit of a file that fits none of its points: nothing would ever be tried."""
    problems = list[str]()
    for number, one in enumerate(_listed(opened.values)):
        reasons = [_reasons(one, scenario) for scenario in scenarios]
        for key, reason in reasons[0] if reasons and all(reasons) else ():
            path: KeyPath = (_KEY, number, *key.split("."))
            problems.append(refusals.line(opened.place(path), path, f"{reason} (at every point)"))
    if problems:
        raise ScenarioError(problems)


def _listed(values: dict[str, object]) -> list[object]:
    asked = values.get(_KEY)
    return asked if isinstance(asked, list) else []


def _reasons(table: object, scenario: Scenario) -> list[tuple[str, str]]:
    """Why an audit does not fit a scenario; nothing of what is no audit, which is refused elsewhere."""
    try:
        return list(_PARAMETERS.validate_python(table).refusals(scenario))
    except ValidationError:
        return []
