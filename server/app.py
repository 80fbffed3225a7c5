"""The Flower ServerApp: reads the scenario, opens the run directory, plays the rounds, writes the summary."""

import json
import platform
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from flwr.app import Context
from flwr.serverapp import Grid, ServerApp
from safetensors.numpy import save

from privacy import ledger
from privacy.errors import FedcrucibleError, RunFailed
from privacy.guarantees import DpSgd
from privacy.view import Vector
from scenarios import models, source
from scenarios.records import Records, features_of, records_of
from scenarios.schema import Scenario, sha256
from scenarios.seeds import torch_stream
from server import checkpoint, journal, statement
from server.directory import RunDirectory, write_bytes, write_json
from server.evaluation import Examination
from server.federation import Federation

app = ServerApp()

_PACKAGES = ("fedcrucible", "flwr", "torch", "opacus", "tenseal", "numpy")


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Play the scenario that the run configuration names, from the start or from the directory's checkpoint.

    Run configuration: `scenario` (a path or a library name), `overrides` (a JSON list of key=value), `out` (the run
    directory), `engine`. Raises RunFailed where the run cannot be finished; the manifest then says why.
    """
    settings = {name: str(value) for name, value in context.run_config.items()}
    directory = RunDirectory(Path(settings.get("out") or default_directory(settings["scenario"])))
    if not directory.manifest.exists():
        open_directory(directory, settings)
    play(grid, directory)


def default_directory(scenario: str) -> Path:
    """`runs/NAME`, or `runs/NAME-2` and so on: nothing that is there is ever overwritten."""
    name = Path(scenario).stem
    path, number = Path("runs") / name, 2
    while path.exists():
        path, number = Path("runs") / f"{name}-{number}", number + 1
    return path


def open_directory(directory: RunDirectory, settings: Mapping[str, str]) -> None:
    """Create the run directory and its manifest. Raises ScenarioError for a scenario that cannot work."""
    overrides = json.loads(settings.get("overrides") or "[]")
    loaded = source.read(settings["scenario"], overrides)
    scenario = loaded.scenario
    records = records_of(scenario)
    dataset = records.dataset
    directory.path.mkdir(parents=True, exist_ok=True)
    write_json(
        directory.manifest,
        {
            "format": 1,
            "name": scenario.name,
            "question": scenario.question,
            "status": "running",
            "reason": "",
            "run": uuid.uuid4().hex,
            "seed": scenario.seed,
            "engine": settings.get("engine", "flower"),
            "started": _now(),
            "ended": None,
            "scenario": scenario.model_dump(mode="json"),
            "scenario_sha256": sha256(scenario),
            "scenario_text": loaded.text,
            "overrides": overrides,
            "data_sha256": dataset.fingerprint(),
            "versions": {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
            "stamp": statement.stamp(scenario),
            "guarantee": statement.guarantee(scenario),
            "protection": {
                "kind": scenario.protection.kind,
                "hides_updates": scenario.protection.hides_updates,
                "trust": scenario.protection.trust,
            },
            "dataset": {
                "source": dataset.source,
                "licence": dataset.licence,
                "classes": list(dataset.classes),
                "test_records": len(records.division.test),
            },
            "clients": _clients(scenario, records),
            "model": {"kind": scenario.model.kind},
        },
    )


def play(grid: Grid, directory: RunDirectory) -> None:
    """Play a run directory's scenario to its end, from its checkpoint where it has one."""
    manifest = directory.read_manifest()
    scenario = Scenario.model_validate_json(json.dumps(manifest["scenario"]))
    begun = time.perf_counter()
    try:
        federation = _federation(grid, directory, scenario, str(manifest["run"]))
        if federation.round == 0 and federation.previous == journal.GENESIS:
            federation.begin()
        federation.play()
        federation.finish()
    except KeyboardInterrupt:
        directory.update_manifest(status="interrupted", reason="stopped by the user", ended=_now())
        raise
    except FedcrucibleError as error:
        directory.update_manifest(status="failed", reason=str(error), ended=_now())
        write_json(directory.summary, {**_summary(directory, scenario, None, begun), "reason": str(error)})
        raise
    names = models.named_arrays(federation.examination.module, federation.model)
    write_bytes(directory.model, save(names))
    write_json(directory.summary, _summary(directory, scenario, federation, begun))
    directory.update_manifest(
        status="completed",
        ended=_now(),
        journal_head=federation.previous,
        model={"kind": scenario.model.kind, "parameters": len(federation.model)},
    )


def _federation(grid: Grid, directory: RunDirectory, scenario: Scenario, run: str) -> Federation:
    dataset, division = records_of(scenario).dataset, records_of(scenario).division
    if dataset.fingerprint() != directory.read_manifest()["data_sha256"]:
        raise RunFailed("the data are not those the run began with: their SHA-256 differs from the manifest's")
    features = features_of(scenario)
    module = scenario.model.build(features.shape[1:], len(dataset.classes))
    models.initialise(module, torch_stream(scenario.seed, "model"))
    examination = Examination(module, features[division.test], dataset.labels[division.test])
    start: Vector = np.array(models.parameters_of(module))
    federation = Federation(grid, scenario, directory, run, examination, start)
    kept = checkpoint.newest(directory.checkpoint)
    attempt = directory.path / "attempt.json"
    if kept is not None:
        _mend_journal(directory, kept)
        federation.go_on(kept)
    elif directory.journal.exists():
        directory.journal.unlink()  # no round had ended: the run begins anew
    federation.interrupted = _interrupted(attempt, scenario, federation.round)
    return federation


def _interrupted(attempt: Path, scenario: Scenario, round_: int) -> int:
    """How often the next round was begun before: under unseeded noise each attempt may have drawn noise of its own."""
    if not isinstance(scenario.privacy, DpSgd) or scenario.privacy.noise_source == "seeded":
        return 0
    earlier = json.loads(attempt.read_text()) if attempt.exists() else {"round": -1, "attempts": 0}
    attempts = earlier["attempts"] + 1 if earlier["round"] == round_ else 0
    write_json(attempt, {"round": round_, "attempts": attempts})
    return int(attempts)


def _mend_journal(directory: RunDirectory, kept: checkpoint.Checkpoint) -> None:
    """Bring the journal to the checkpoint: drop a torn last line, append the line the kill kept from being written."""
    try:
        records = journal.read(directory.journal)
    except journal.TornLine as torn:
        records = torn.records
        text = "".join(line + "\n" for line in directory.journal.read_text(encoding="utf-8").split("\n")[:-1])
        write_bytes(directory.journal, text.encode())
    if not records or records[-1]["hash"] != kept.line["hash"]:
        journal.append(directory.journal, kept.line)


def _summary(
    directory: RunDirectory, scenario: Scenario, federation: Federation | None, begun: float
) -> dict[str, object]:
    """The contract's `summary.json`; figures that a failed run does not have are null."""
    records = journal.read(directory.journal) if directory.journal.exists() else []
    rounds = [record for record in records if record.get("kind") == "round"]
    last = rounds[-1] if rounds else {}
    ledgers: dict[str, ledger.Ledger] = {}
    # A round that failed counts as well: its clients have sent what they charged for.
    for record in records:
        for client, report in record.get("reports", {}).items():
            ledgers[client] = ledger.from_rows(report["ledger"])
    manifest = directory.read_manifest()
    return {
        "status": "completed" if federation else "failed",
        "scenario_sha256": manifest["scenario_sha256"],
        "seed": scenario.seed,
        "engine": manifest["engine"],
        "rounds": len(rounds),
        "accuracy": last.get("accuracy"),
        "loss": last.get("loss"),
        "average_accuracy": None,
        "forgetting": None,
        "backward_transfer": None,
        "epsilon": epsilon_summary(scenario, ledgers),
        "sent_bytes": sum(record["sent_bytes"] for record in rounds),
        "received_bytes": sum(record["received_bytes"] for record in rounds),
        "wall_seconds": time.perf_counter() - begun,
        "train_seconds": sum(record["train_seconds"] for record in rounds),
        "final_sha256": federation.model_sha256 if federation else None,
        "stamp": manifest["stamp"],
        "findings": [],
    }


def epsilon_summary(scenario: Scenario, ledgers: Mapping[str, ledger.Ledger]) -> dict[str, object] | None:
    """What each client and each of its segments has spent; null without differential privacy."""
    privacy = scenario.privacy
    if not isinstance(privacy, DpSgd):
        return None
    segments = {
        client: ledger.epsilon_by_segment(rows, privacy.delta, privacy.accountant)
        for client, rows in sorted(ledgers.items(), key=lambda item: int(item[0]))
    }
    per_client = {
        client: {"max": max(spent.values(), default=0.0), "per_segment": spent} for client, spent in segments.items()
    }
    return {
        "max": max((max(spent.values(), default=0.0) for spent in segments.values()), default=0.0),
        "delta": privacy.delta,
        "accountant": privacy.accountant,
        "per_client": per_client,
    }


def _clients(scenario: Scenario, records: Records) -> dict[str, object]:
    dataset = records.dataset
    natural = scenario.data.partition.kind == "natural"
    clients: dict[str, object] = {}
    for client, indices in enumerate(records.division.train):
        counts = np.bincount(dataset.labels[indices], minlength=len(dataset.classes))
        clients[str(client)] = {
            "name": dataset.group_names[client] if natural else f"client {client}",
            "records": len(indices),
            "labels": {name: int(count) for name, count in zip(dataset.classes, counts, strict=True)},
        }
    return clients


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
