"""Starting and resuming runs: directories, engines, progress, and what to say at the end."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from privacy.errors import FedcrucibleError, RunFailed, ScenarioError
from scenarios.schema import Scenario
from scenarios.source import Loaded
from server.run_directory import ending, recovery
from server.run_directory.files import RunDirectory, require_files
from server.run_directory.opening import claimed, load, make_default_directory, versions, write_manifest
from server.run_directory.summary import seconds_before
from simulation import verify
from simulation.engines import flower, local
from simulation.progress import Progress
from simulation.report import write_report

ENGINES = ("local", "flower")

_OTHER_VERSIONS = (
    "other versions of Python, of packages or of this code began this run (manifest.json has them): it may end with "
    "other bits than a run that they play alone"
)


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
    if engine == "flower":
        flower.app_folder()
    loaded = load(file, overrides)
    directory = RunDirectory(out or make_default_directory(loaded.scenario.name))
    begin(loaded, overrides, directory, engine, workers)
    return directory.path


def begin(loaded: Loaded, overrides: Sequence[str], directory: RunDirectory, engine: str, workers: int | None) -> None:
    """Run a scenario that has been read. Raises ScenarioError where the directory is taken, RunFailed afterwards."""
    with claimed(directory):
        try:
            write_manifest(directory, loaded, overrides, engine)
        except OSError as error:
            raise RunFailed(f"{directory.manifest}: cannot be written: {error.strerror or error}") from error
        print(f"{loaded.scenario.name}: {loaded.scenario.question}", file=sys.stderr)  # noqa: T201
        _play(loaded.scenario, directory, engine, workers)


def resume(path: Path, workers: int | None = None) -> None:
    """Continue a run directory. Raises ScenarioError where there is nothing to continue."""
    directory = RunDirectory(path)
    try:
        directory.read_scenario()
    except (OSError, ValueError) as error:
        raise ScenarioError([f"{path}: not a run directory that can be resumed: {verify.why(error)}"]) from error
    with directory.locked():
        manifest = directory.read_manifest()
        if manifest["status"] == "completed":
            raise ScenarioError([f"{path}: the run is complete; there is nothing to resume"])
        if manifest["engine"] != "local":
            raise ScenarioError(
                [f"{path}: only runs of the local engine can be resumed: under {manifest['engine']} the clients'"
                 " memories live in Flower's runtime and end with it"]
            )  # fmt: skip
        require_files(directory.journal, directory.summary, directory.matrix, directory.model, directory.report)
        recovery.require_resumable(directory)
        if manifest.get("versions") != versions():
            print(_OTHER_VERSIONS, file=sys.stderr)  # noqa: T201
        # What an earlier attempt said at its end is no longer true.
        directory.summary.unlink(missing_ok=True)
        directory.update_manifest(status="running", reason="", ended=None, journal_head=None)
        _play(directory.read_scenario(), directory, "local", workers)


def closing_lines(path: Path) -> list[str]:
    """What a finished run says: its figures, the journal's head to keep elsewhere, and where the report is."""
    directory = RunDirectory(path)
    summary = directory.read_summary()
    megabytes = (summary["sent_bytes"] + summary["received_bytes"]) / 1e6
    privacy = _spent(summary["epsilon"])
    return [
        f"accuracy {summary['accuracy']:.4f}{privacy}, {megabytes:.1f} MB, {summary['wall_seconds']:.1f} s",
        f"final model sha256 {summary['final_sha256']}",
        f"journal head {directory.read_manifest()['journal_head']}",
        f"report: {directory.report}",
    ]


def _spent(epsilon: Mapping[str, Any] | None) -> str:
    """The largest epsilon in words, with its accountant where rounds are told by another; null stands for infinity."""
    if epsilon is None:
        return ""
    largest = "infinite" if epsilon["max"] is None else f"{epsilon['max']:.3f}"
    by = " by PRV (in rounds by Renyi)" if epsilon["accountant"] == "prv" else ""
    return f", epsilon {largest}{by} at delta {epsilon['delta']:g}"


def _play(scenario: Scenario, directory: RunDirectory, engine: str, workers: int | None) -> None:
    """Play a locked directory whose manifest says "running"; afterwards it says how that ended."""
    begun = time.perf_counter() - seconds_before(directory)
    try:
        with Progress(directory.journal, scenario.federation.rounds):
            if engine == "local":
                local.run(scenario, directory, workers)
            else:
                flower.run(scenario, directory)
    except KeyboardInterrupt:
        if _status(directory) != "completed":
            raise _stopped(directory, engine) from None
    except Exception as error:
        reason = ending.reason_of(error)
        if _status(directory) == "running":
            ending.fail(directory, scenario, reason, time.perf_counter() - begun)
        _report_anyway(directory)
        raise error if isinstance(error, FedcrucibleError) else RunFailed(reason) from error
    try:
        write_report([directory.path], directory.report)
    except OSError as error:
        raise RunFailed(
            f"{directory.report}: cannot be written: {error.strerror or error}; the run itself is complete, and"
            f" fedcrucible report {directory.path} writes its page"
        ) from error


def _stopped(directory: RunDirectory, engine: str) -> RunFailed:
    """Say that the run was stopped; Flower's processes see the Ctrl-C too and may have called it a failure."""
    ending.interrupt(directory)
    _report_anyway(directory)
    if engine == "local":
        return RunFailed(f"stopped; go on with: fedcrucible resume {directory.path}")
    return RunFailed("stopped; a run on Flower's runtime cannot go on: start it again in another folder")


def _status(directory: RunDirectory) -> str:
    """What the manifest says of the run; nothing where it cannot be read."""
    try:
        return str(directory.read_manifest()["status"])
    except (OSError, ValueError):
        return ""


def _report_anyway(directory: RunDirectory) -> None:
    """The report of a run that did not end well; where it cannot be written, that is said beside the failure."""
    try:
        write_report([directory.path], directory.report)
    except Exception as error:  # noqa: BLE001 - whatever it is, the failure of the run is the one that matters
        why = error.strerror if isinstance(error, OSError) and error.strerror else ending.reason_of(error)
        print(f"{directory.report}: cannot be written: {' '.join(why.split())}", file=sys.stderr)  # noqa: T201
