"""Starting and resuming runs: directories, engines, progress, and what to say at the end."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from privacy.errors import RunFailed, ScenarioError
from scenarios import source
from scenarios.schema import Scenario
from server.directory import RunDirectory
from server.opening import default_directory, open_directory
from simulation.engines import flower, local
from simulation.progress import Progress

ENGINES = ("local", "flower")


def start(
    file: str,
    overrides: Sequence[str],
    engine: str = "local",
    workers: int | None = None,
    out: Path | None = None,
) -> Path:
    """Run a scenario; returns the run directory. Raises ScenarioError before, RunFailed after anything has run."""
    if engine not in ENGINES:
        raise ScenarioError([f"--engine {engine}: valid are {', '.join(ENGINES)}"])
    loaded = source.read(file, overrides)
    directory = RunDirectory(out or default_directory(loaded.scenario.name))
    if _in_use(directory.path):
        raise ScenarioError([f"--out {directory.path}: exists already; choose another, or `fedcrucible resume` it"])
    open_directory(directory, file, overrides, engine)
    print(f"{loaded.scenario.name}: {loaded.scenario.question}", file=sys.stderr)  # noqa: T201
    _play(loaded.scenario, directory, engine, workers)
    return directory.path


def _in_use(path: Path) -> bool:
    """Whether anything is there; a run killed before its manifest was written left only a hidden part of it."""
    if not path.exists():
        return False
    return not path.is_dir() or any(not entry.name.startswith(".") for entry in path.iterdir())


def resume(path: Path, workers: int | None = None) -> None:
    """Continue a run directory. Raises ScenarioError where there is nothing to continue."""
    directory = RunDirectory(path)
    try:
        manifest = directory.read_manifest()
        scenario = Scenario.model_validate_json(json.dumps(manifest["scenario"]))
    except (OSError, ValueError, KeyError) as error:
        raise ScenarioError([f"{path}: not a run directory that can be resumed: {error}"]) from error
    if manifest["status"] == "completed":
        raise ScenarioError([f"{path}: the run is complete; there is nothing to resume"])
    if manifest["engine"] != "local":
        raise ScenarioError(
            [f"{path}: only runs of the local engine can be resumed: under {manifest['engine']} the clients' memories"
             " live in Flower's runtime and end with it"]
        )  # fmt: skip
    _play(scenario, directory, "local", workers)


def closing_lines(path: Path) -> list[str]:
    """What a finished run says: its figures in a line, and where the report is."""
    summary = json.loads(RunDirectory(path).summary.read_text(encoding="utf-8"))
    spent = summary["epsilon"]
    privacy = "" if spent is None else f", epsilon {spent['max']:.3f} at delta {spent['delta']:g}"
    megabytes = (summary["sent_bytes"] + summary["received_bytes"]) / 1e6
    return [
        f"accuracy {summary['accuracy']:.4f}{privacy}, {megabytes:.1f} MB, {summary['wall_seconds']:.1f} s",
        f"final model sha256 {summary['final_sha256']}",
        f"report: {RunDirectory(path).report}",
    ]


def _play(scenario: Scenario, directory: RunDirectory, engine: str, workers: int | None) -> None:
    from simulation.report import write_report

    try:
        with directory.locked(), Progress(directory.journal, scenario.federation.rounds):
            directory.update_manifest(status="running", reason="", ended=None)
            if engine == "local":
                local.run(scenario, directory, workers)
            else:
                flower.run(scenario, directory)
    except KeyboardInterrupt:
        raise RunFailed(f"stopped; go on with: fedcrucible resume {directory.path}") from None
    finally:
        if directory.read_manifest()["status"] != "running":
            write_report([directory.path], directory.report)
