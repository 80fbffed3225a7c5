"""What audits are told of a finished run: read from its directory, which is not believed before it verifies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from privacy.audits.visibility import Passed, passed_of
from privacy.errors import ScenarioError
from privacy.ledger import Ledger
from privacy.view import Vector
from scenarios import overrides as command_line
from scenarios import refusals
from scenarios.records import records_of
from scenarios.schema import Scenario
from scenarios.toml_lines import key_parts
from server.run_directory import journal
from server.run_directory.files import RunDirectory
from server.run_directory.journal import Record
from server.run_directory.summary import ledgers_of
from simulation import verify


@dataclass(frozen=True, eq=False)
class Subject:
    """A finished run: its scenario, the audits overridden or not, what each client spent, and the released model.

    `first_model_sha256` names the model that came of round 1, `messages` is the trace of what travelled, by line of the
    journal, and `added` holds who added anything to the sum of a round, by round.
    """

    scenario: Scenario
    ledgers: Mapping[str, Ledger]
    model: Vector
    first_model_sha256: str
    messages: Sequence[Sequence[Passed]] | None
    added: Mapping[int, Sequence[str]]


def read_subject(directory: RunDirectory, overrides: Sequence[str]) -> Subject:
    """Read a run that has ended and verifies. Raises ScenarioError with the reason for any other directory."""
    problems = [one for one in verify.examine(directory.path).problems if one != verify.FINDINGS_APART]
    try:
        manifest = directory.read_manifest()
        if manifest["status"] != "completed":
            raise ScenarioError([f"{directory.path}: not a finished run: its status is {manifest['status'][:40]!r}"])
        if problems:
            raise ScenarioError([f"{directory.path}: does not verify: {problem}" for problem in problems])
        scenario = _with_audits(directory, manifest["scenario"], overrides)
        if records_of(scenario).dataset.fingerprint != manifest.get("data_sha256"):
            raise ScenarioError([f"{directory.path}: the data are no longer those the run was made with"])
        directory.read_summary()
        lines = journal.read(directory.journal)
        traced = all("messages" in line for line in lines)
        messages = [[passed_of(one) for one in line["messages"]] for line in lines] if traced else None
        released = verify.released_model(directory)
        return Subject(scenario, ledgers_of(lines), released, _after_round_1(lines), messages, _added(lines))
    except verify.UNREADABLE as error:
        raise ScenarioError([f"{directory.path}: not a readable run directory: {verify.why(error)}"]) from error


def _after_round_1(lines: Sequence[Record]) -> str:
    return next((str(line["model_sha256"]) for line in lines if line["kind"] == "round" and line["round"] == 1), "")


def _added(lines: Sequence[Record]) -> Mapping[int, Sequence[str]]:
    """Whoever has no weight adds nothing."""
    return {
        int(line["round"]): [
            client for client, one in line["reports"].items() if one["status"] == "trained" and one["weight"] != 0
        ]
        for line in lines
        if line["kind"] == "round"
    }


def _with_audits(directory: RunDirectory, values: Mapping[str, object], overrides: Sequence[str]) -> Scenario:
    """The run's scenario with its audits as `--set` has them."""
    other = [one for one in overrides if (key_parts(one.partition("=")[0]) or ("",))[0] != "audit"]
    if other:
        raise ScenarioError([refusals.line(f"--set {one[:80]!r}", (), _ONLY_AUDITS) for one in other])
    changed, _ = command_line.apply(values, overrides)
    try:
        return Scenario.model_validate(changed)
    except ValidationError as error:
        where = "--set audit" if overrides else f"{directory.manifest}"
        found = refusals.refusals(error, changed)
        raise ScenarioError([refusals.line(where, one.path, one.reason()) for one in found]) from None


_ONLY_AUDITS = "a finished run stays as it is; only its audits can be set, as in audit='[{ kind = \"canary\" }]'"
