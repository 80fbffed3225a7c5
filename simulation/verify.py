"""Check a run directory: the journal's chain and head, the model, what is said twice, and epsilon from rows alone.

How long a run took in all and on which versions is said once: nothing holds it.
"""

import errno
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from privacy.errors import ScenarioError
from privacy.view import Vector
from scenarios.schema import sha256
from server.rounds.state import model_sha256
from server.run_directory import foreign, journal, statement
from server.run_directory.coherence import contradictions, left_out
from server.run_directory.files import RunDirectory
from server.run_directory.summary import epsilon_of, ledgers_of
from simulation.report.files.outcomes import is_sweep

_LONGEST_REASON = 2000
_TOLERANCE = 1e-6
_BEYOND_FLOATS = 10**308
FINDINGS_APART = "findings.jsonl: not the findings of summary.json; `fedcrucible audit` writes both anew"
"""The one problem that another audit mends: a kill between the two files leaves it."""

UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    TypeError,
    AttributeError,
    RecursionError,
    SafetensorError,
)
"""What reading a run directory that is none, or a hostile one, can raise."""


@dataclass(frozen=True)
class Verdict:
    """What does not hold, one line each; epsilon by the journal's rows alone (None without differential privacy).

    `so_far` says that the run is not at its end, so that lines may follow, and `torn` that a kill cut the last one.
    `failed` is why the run failed, None where it did not: the record of a run that failed can be intact.
    """

    problems: list[str]
    epsilon: float | None
    so_far: bool
    torn: bool
    failed: str | None


def examine(path: Path) -> Verdict:
    """Check a run directory, reading its journal once. Raises ScenarioError where there is none that can be read."""
    if is_sweep(path):
        raise ScenarioError([f"{path}: holds a sweep; name one of its runs, which are in {path / 'runs'}"])
    try:
        return _examined(RunDirectory(path))
    except UNREADABLE as error:
        raise ScenarioError([f"{path}: not a readable run directory: {why(error)}"]) from error


def why(error: Exception) -> str:
    """Why a run directory could not be read, in a line."""
    match error:
        case FileNotFoundError(filename=str(name)) | NotADirectoryError(filename=str(name)):
            return f"there is no {Path(name).name} in it"
        case OSError(filename=str(name), strerror=str(reason)):
            return f"{Path(name).name}: {reason}"
        case OSError() | ValueError() | SafetensorError():
            return " ".join(str(error).split())
        case _:  # what a wrong type led to: Python's words for it would tell nobody what to mend
            return "it holds what no run writes (--debug shows where)"


def problems(path: Path) -> list[str]:
    """Everything that does not hold, one line each; empty where all holds. Raises ScenarioError if unreadable."""
    return examine(path).problems


def released_model(directory: RunDirectory) -> Vector:
    """The final model, float32[d], in the order that its hash is of. Raises one of `UNREADABLE` without one."""
    if directory.model.is_dir():  # of which safetensors says "No such device", without a name
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(directory.model))
    with safe_open(directory.model, framework="numpy") as file:
        return np.concatenate([file.get_tensor(name).ravel() for name in file.metadata()["order"].split()])


def _examined(directory: RunDirectory) -> Verdict:
    manifest, scenario = directory.read_manifest(), directory.read_scenario()
    status, found = manifest["status"], list[str]()
    records, torn = _records(directory, status)
    if torn and status == "completed":
        found.append("journal.jsonl: the last line is incomplete")
    found += [f"journal.jsonl: {problem}" for problem in journal.problems(records)]
    if records and records[0].get("run") != manifest["run"]:
        found.append("journal.jsonl: it belongs to another run than manifest.json")
    if sha256(scenario) != manifest["scenario_sha256"]:
        found.append("manifest.json: the scenario does not match its hash")
    if journal.lacks_its_end(records, manifest):
        found.append("journal.jsonl: the end is missing: its head is not the one in manifest.json")
    spent = epsilon_of(scenario, ledgers_of(records))
    ended = status == "completed" or (status == "failed" and directory.summary.exists())
    summary = directory.read_summary() if ended else {}
    if not found:  # figures of a changed journal tell nothing
        found = contradictions(manifest, summary, records)
        if ended and summary.get("status") != status:
            found.append("summary.json: status is not that of manifest.json")
        found += left_out(manifest, summary, records) if ended else []
        found += _promise_problems(manifest, statement.promises(scenario))
    if status == "completed":
        found += _model_problems(directory, summary, records)
    if ended:
        found += _epsilon_problems(summary, spent)
        found += [] if _findings_agree(directory, summary) else [FINDINGS_APART]
    epsilon = None if spent is None else spent["max"]
    reason = foreign.line(manifest.get("reason"), _LONGEST_REASON, otherwise="no reason is recorded")
    return Verdict(found, epsilon, status in ("running", "interrupted"), torn, reason if status == "failed" else None)


def _records(directory: RunDirectory, status: str) -> tuple[list[journal.Record], bool]:
    """The journal's whole lines, and whether the last one was cut. Only a completed run must have a journal."""
    if status != "completed" and not directory.journal.exists():
        return [], False
    try:
        return journal.read(directory.journal), False
    except journal.TornLine as torn:
        return torn.records, True


def _promise_problems(manifest: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    """What a manifest promises otherwise than its scenario does: the facts, whoever wrote them into the journal, too.

    Words are not compared: those of another version of the project may be others, and the journal has the run's own.
    """
    said, facts = _facts(manifest), _facts(known)
    return [f"manifest.json: {name} is not that of its scenario" for name in facts if said[name] != facts[name]]


def _facts(promises: Mapping[str, Any]) -> dict[str, object]:
    """What does not depend on how promises are worded."""
    guarantee, protection = promises.get("guarantee"), _table(promises.get("protection"))
    return {
        "stamp": promises.get("stamp") is not None,
        "guarantee": guarantee and [_table(guarantee).get(name) for name in ("unit", "accountant", "delta")],
        "protection": [protection.get(name) for name in ("kind", "hides_updates")],
    }


def _model_problems(directory: RunDirectory, summary: Mapping[str, Any], records: list[journal.Record]) -> list[str]:
    journalled = records[-1].get("model_sha256") if records else None
    found = []
    if model_sha256(released_model(directory)) != journalled:
        found.append("model.safetensors: not the model that the journal ends with")
    if summary.get("final_sha256") != journalled:
        found.append("summary.json: final_sha256 is not the model that the journal ends with")
    return found


def _epsilon_problems(summary: Mapping[str, Any], known: Mapping[str, Any] | None) -> list[str]:
    """What a summary says of epsilon otherwise than its scenario and the rows, which `known` was made from."""
    stated = summary.get("epsilon")
    if stated is None or known is None:
        return [] if stated == known else [f"summary.json: epsilon is {'missing' if known else 'of a run without any'}"]
    if not isinstance(stated, dict):
        return ["summary.json: epsilon is no table"]
    found = [
        f"summary.json: epsilon.{name} is not that of its scenario"
        for name in ("delta", "accountant")
        if stated.get(name) != known[name]
    ]
    said, spent = _spent(stated), _spent(known)
    for which in spent | said:
        told = f"summary.json: {which} is said to have spent {said.get(which)}"
        if which not in spent:
            found.append(foreign.line(f"{told}, and the journal has no rows of it", _LONGEST_REASON, otherwise=""))
        elif not _close(said.get(which), spent[which]):
            found.append(f"{told}, its rows say {spent[which]:.6f}")
    if not _close(_figure(stated), known["max"]):
        found.append(f"summary.json: the largest epsilon is not {known['max']:.6f}, as the rows say")
    return found


def _spent(epsilon: Mapping[str, Any]) -> dict[str, Any]:
    """The epsilon of each client and of each of its segments in a table, by what a line calls them."""
    found = dict[str, Any]()
    for client, one in _table(epsilon.get("per_client")).items():
        found[f"client {client}"] = _figure(_table(one))
        for segment, value in _table(_table(one).get("per_segment")).items():
            found[f"client {client}, segment {segment!r},"] = _figure({"max": value})
    return found


def _findings_agree(directory: RunDirectory, summary: Mapping[str, Any]) -> bool:
    """Whether both files hold the same findings; before any audit a summary has none, and there is no other file."""
    findings = summary.get("findings", [])
    lines = [json.dumps(one, sort_keys=True) for one in findings] if isinstance(findings, list) else ["no list"]
    written = directory.findings.read_bytes() if directory.findings.exists() else b""
    return written == "".join(f"{line}\n" for line in lines).encode()


def _table(value: object) -> Mapping[str, Any]:
    """A table as it is; one without anything where somebody wrote something else."""
    return value if isinstance(value, dict) else {}


def _figure(stated: Mapping[str, object]) -> float | None:
    """The `max` of a table; null is infinity, for which JSON has no word. None where there is no such number."""
    match stated.get("max", ""):
        case None:
            return math.inf
        case float() as figure:
            return figure
        case int() as figure if not isinstance(figure, bool) and abs(figure) < _BEYOND_FLOATS:
            return figure
        case _:
            return None


def _close(said: float | None, value: float) -> bool:
    """Whether a stated epsilon is the recomputed one; two infinities are equal and have no difference."""
    return said == value or (said is not None and abs(said - value) <= _TOLERANCE * max(1.0, value))
