"""One run of a sweep, in its own process: what the fork server imports once and then forks."""

import os
from multiprocessing.connection import Connection
from pathlib import Path

import server.app  # noqa: F401 - imported before forking, or else every run imports torch and Flower anew
from privacy.errors import ScenarioError
from scenarios.grid import Point
from server.run_directory import ending
from server.run_directory.files import RunDirectory
from simulation import auditing, running
from simulation.engines.processes import end_with_parent, heed_interrupts, use_one_thread
from simulation.sweeps.directory import findings_of


def play(point: Point, path: Path, reason: Connection) -> None:
    """Run a point, or go on with it, and then its audits; why that failed goes into the pipe, and nothing else."""
    os.setpgid(0, 0)  # Ctrl-C on the terminal is for the sweep, which then stops each run once
    heed_interrupts()
    end_with_parent()  # what was played is kept, and the next attempt goes on with it
    use_one_thread()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)
    try:
        _play(point, path)
    except KeyboardInterrupt:
        reason.send("stopped")
    except Exception as error:  # noqa: BLE001 - whatever happens to one run is told, and the others go on
        reason.send(ending.reason_of(error))


def _play(point: Point, path: Path) -> None:
    directory = RunDirectory(path)
    if not directory.in_use():
        running.begin(point.loaded, point.overrides, directory, "local", workers=1)
    manifest = directory.read_manifest()
    if manifest["scenario_sha256"] != point.sha256:
        raise ScenarioError([f"{path} holds another scenario"])
    if manifest["status"] != "completed":
        running.resume(path, workers=1)
    if point.loaded.scenario.audit and not findings_of(directory):
        auditing.audit(path)
