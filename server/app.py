"""The Flower ServerApp: opens the run directory, plays the rounds, writes the summary."""

import time
from pathlib import Path

import numpy as np
from flwr.app import Context
from flwr.serverapp import Grid, ServerApp
from safetensors.numpy import save

from privacy.errors import FedcrucibleError, RunFailed, ScenarioError
from privacy.view import Vector
from scenarios import models
from scenarios.records import appearances_of, records_of, untrained
from scenarios.schema import Scenario
from server.evaluation.examination import Examination
from server.evaluation.matrix import write_matrix
from server.rounds.federation import Federation
from server.rounds.state import State
from server.run_directory import ending, recovery
from server.run_directory.coherence import repeated
from server.run_directory.files import RunDirectory, write_bytes, write_json
from server.run_directory.opening import claimed, load, make_default_directory, now, write_manifest
from server.run_directory.recorder import Recorder
from server.run_directory.summary import seconds_before, summarise

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Play the scenario that the run configuration names, from the start or from the directory's checkpoint.

    Run configuration: `scenario` (a path or a library name), `overrides` (key=value; key=value), `out` (the run
    directory). Raises RunFailed where the run cannot be finished; the manifest then says why.
    """
    settings = {name: str(value) for name, value in context.run_config.items()}
    out = Path(settings["out"]) if settings.get("out") else None
    if out is not None and RunDirectory(out).manifest.exists():
        play(grid, RunDirectory(out))  # whoever wrote the manifest keeps the directory locked
        return
    overrides = [override.strip() for override in settings.get("overrides", "").split(";") if override.strip()]
    loaded = load(settings["scenario"], overrides)
    directory = RunDirectory(out or make_default_directory(settings["scenario"]))
    with claimed(directory):
        write_manifest(directory, loaded, overrides, "flower")
        play(grid, directory)


def play(grid: Grid, directory: RunDirectory) -> None:
    """Play a run directory's scenario to its end, from its checkpoint where it has one.

    Whatever stops it, the manifest says so before the exception goes on. Raises ScenarioError where the run has ended.
    """
    if directory.read_manifest()["status"] != "running":
        raise ScenarioError([f"--out {directory.path}: exists already; choose another"])
    scenario = directory.read_scenario()
    begun = time.perf_counter() - seconds_before(directory)
    try:
        _play(grid, directory, scenario, begun)
    except KeyboardInterrupt:
        ending.interrupt(directory)
        raise
    except Exception as error:
        reason = ending.reason_of(error)
        ending.fail(directory, scenario, reason, time.perf_counter() - begun)
        raise error if isinstance(error, FedcrucibleError) else RunFailed(reason) from error


def _play(grid: Grid, directory: RunDirectory, scenario: Scenario, begun: float) -> None:
    with Recorder(directory, waits=scenario.system_noise) as recorder:
        federation = _federation(grid, directory, recorder, scenario)
        federation.play()
    arrays = models.named_arrays(federation.examination.module, federation.state.model)
    write_bytes(directory.model, save(arrays, metadata={"order": " ".join(arrays)}))
    figures = summarise(directory, scenario, time.perf_counter() - begun, federation.model_sha256)
    write_json(directory.summary, figures)
    write_matrix(directory)
    directory.update_manifest(
        status="completed",
        reason=federation.stopped,
        ended=now(),
        journal_head=federation.previous,
        model={"kind": scenario.model.kind, "parameters": len(federation.state.model)},
    )


def _federation(grid: Grid, directory: RunDirectory, recorder: Recorder, scenario: Scenario) -> Federation:
    dataset, division = records_of(scenario).dataset, records_of(scenario).division
    manifest = directory.read_manifest()
    if dataset.fingerprint != manifest.get("data_sha256"):
        raise RunFailed("the data are not those the run began with: their SHA-256 differs from the manifest's")
    appearances = appearances_of(scenario)
    module = untrained(scenario, scenario.seed)
    examination = Examination(scenario, module, appearances, division.test, division.validation)
    start: Vector = np.array(models.parameters_of(module))
    federation = Federation(grid, scenario, recorder, manifest["run"], examination, State(start))
    recovered = recovery.recover(directory, scenario)
    if recovered is None:
        federation.begin(repeated(manifest))
    else:
        federation.go_on(recovered)
    return federation
