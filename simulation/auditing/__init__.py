"""`fedcrucible audit`: what is tried against a finished run, written down as findings beside its figures."""

from collections.abc import Sequence
from pathlib import Path

from privacy.errors import ScenarioError
from privacy.findings import Finding, to_json, to_table
from scenarios.audits import (
    AnyAudit,
    Canary,
    GradientInversion,
    KeyRecovery,
    MembershipInference,
    PropertyInference,
    Visibility,
    fitting,
)
from server.run_directory.files import RunDirectory, require_files, write_bytes, write_json
from simulation.auditing import canary, inversion, key_recovery, membership, property_inference, visibility
from simulation.auditing.subject import Subject, read_subject
from simulation.report import write_report

__all__ = ["audit"]


def audit(path: Path, overrides: Sequence[str] = ()) -> list[Finding]:
    """Run the audits of a finished run's scenario or, where it has none, those that fit; returns what they found.

    `overrides` set the scenario's `audit` and nothing else. An audit that nobody asked for by name and that cannot be
    done is a finding without a value. Writes `findings.jsonl`, the summary's `findings` and the
    report; the same audits of the same run find the same again. Raises ScenarioError, and writes nothing, where there
    is no finished run that verifies, or where an audit does not fit it.
    """
    directory = RunDirectory(path)
    require_files(directory.findings, directory.report)
    subject = read_subject(directory, overrides)
    audits = subject.scenario.audit or fitting(subject.scenario)
    if not audits:
        raise ScenarioError([f"{path}: no audit fits this run: it has neither noise nor encryption to try"])
    with directory.locked():
        tried = _run if subject.scenario.audit else _run_if_possible
        found = [finding for one in audits for finding in tried(one, subject)]
        _write(directory, found)
    return found


def lines(found: Sequence[Finding]) -> list[str]:
    """What a person is told: contradictions first."""
    ordered = sorted(found, key=lambda finding: not finding.contradiction)
    return [f"{'CONTRADICTION: ' if one.contradiction else ''}{one.kind}: {one.statement}" for one in ordered]


def _run(one: AnyAudit, subject: Subject) -> list[Finding]:
    try:
        match one:
            case Canary():
                return canary.findings(one, subject)
            case KeyRecovery():
                return key_recovery.findings(subject)
            case GradientInversion():
                return inversion.findings(one, subject)
            case MembershipInference():
                return membership.findings(one, subject)
            case PropertyInference():
                return property_inference.findings(one, subject)
            case Visibility():
                return visibility.findings(subject)
    except ValueError as error:
        raise ScenarioError([f"audit {one.kind}: {error}"]) from error


def _run_if_possible(one: AnyAudit, subject: Subject) -> list[Finding]:
    try:
        return _run(one, subject)
    except ScenarioError as error:
        return [_not_tried(one.kind, str(error), subject.scenario.seed)]


def _not_tried(kind: str, reason: str, seed: int) -> Finding:
    return Finding(
        kind=kind,
        statement=f"Not tried: {reason}.",
        figure="not tried",
        value=None,
        facts={},
        seed=seed,
        made_by="simulation.auditing.audit",
    )


def _write(directory: RunDirectory, found: Sequence[Finding]) -> None:
    try:
        # That the file of findings is there says that the audits are done, so it comes last.
        directory.findings.unlink(missing_ok=True)
        write_json(directory.summary, {**directory.read_summary(), "findings": [to_table(one) for one in found]})
        write_report([directory.path], directory.report)
        write_bytes(directory.findings, "".join(f"{to_json(one)}\n" for one in found).encode())
    except OSError as error:
        raise ScenarioError([f"{directory.path}: cannot be written: {error.strerror or error}"]) from error
