"""Check a run directory: the journal's chain, its head, the model, and epsilon recomputed from the rows alone."""

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors import safe_open

from privacy import ledger
from privacy.guarantees import DpSgd
from scenarios.schema import Scenario, sha256
from server import journal
from server.directory import RunDirectory
from server.exchange import model_bytes
from server.summary import ledgers_of

_TOLERANCE = 1e-6


def problems(path: Path) -> list[str]:
    """Everything that does not hold, one line each; empty where all holds. Raises OSError, ValueError if unreadable."""
    directory = RunDirectory(path)
    manifest = directory.read_manifest()
    try:
        records = journal.read(directory.journal)
    except journal.TornLine as torn:
        records = torn.records
        if manifest.get("status") == "completed":
            return ["journal.jsonl: the last line is incomplete"]
    found = [f"journal.jsonl: {problem}" for problem in journal.problems(records)]
    scenario = Scenario.model_validate_json(json.dumps(manifest["scenario"]))
    if sha256(scenario) != manifest.get("scenario_sha256"):
        found.append("manifest.json: the scenario does not match its hash")
    if manifest.get("status") != "completed":
        return found
    head = records[-1].get("hash") if records else None
    if head != manifest.get("journal_head"):
        found.append("journal.jsonl: the end is missing: its head is not the one in manifest.json")
    return found + _model_problems(directory, records) + _epsilon_problems(directory, scenario, records)


def recomputed_epsilon(path: Path) -> float | None:
    """The maximum over clients, from the journal's rows alone; None without differential privacy."""
    scenario = Scenario.model_validate_json(json.dumps(RunDirectory(path).read_manifest()["scenario"]))
    privacy = scenario.privacy
    if not isinstance(privacy, DpSgd):
        return None
    ledgers = ledgers_of(journal.read(RunDirectory(path).journal))
    return max((ledger.epsilon(rows, privacy.delta, privacy.accountant) for rows in ledgers.values()), default=0.0)


def _model_problems(directory: RunDirectory, records: list[journal.Record]) -> list[str]:
    journalled = records[-1].get("model_sha256") if records else None
    with safe_open(directory.model, framework="numpy") as file:
        order = file.metadata()["order"].split()
        vector = np.concatenate([file.get_tensor(name).ravel() for name in order])
    found = []
    if hashlib.sha256(model_bytes(vector)).hexdigest() != journalled:
        found.append("model.safetensors: not the model that the journal ends with")
    if json.loads(directory.summary.read_text(encoding="utf-8")).get("final_sha256") != journalled:
        found.append("summary.json: final_sha256 is not the model that the journal ends with")
    return found


def _epsilon_problems(directory: RunDirectory, scenario: Scenario, records: list[journal.Record]) -> list[str]:
    privacy = scenario.privacy
    if not isinstance(privacy, DpSgd):
        return []
    summary = json.loads(directory.summary.read_text(encoding="utf-8"))
    stated = summary.get("epsilon") or {}
    found = []
    for client, rows in ledgers_of(records).items():
        value = ledger.epsilon(rows, privacy.delta, privacy.accountant)
        said = stated.get("per_client", {}).get(client, {}).get("max")
        if said is None or abs(said - value) > _TOLERANCE * max(1.0, value):
            found.append(f"summary.json: client {client} is said to have spent {said}, its rows say {value:.6f}")
    return found
