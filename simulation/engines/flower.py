"""Flower's Simulation Runtime: `flwr run` of the same two apps against a SuperLink of this run's own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from privacy.errors import RunFailed, ScenarioError
from scenarios.schema import Scenario
from server.run_directory.files import RunDirectory

_START_TIMEOUT_S = 60.0
_END_TIMEOUT_S = 10.0
_QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def run(scenario: Scenario, directory: RunDirectory) -> None:
    """Play a directory whose manifest is written, on Ray. Raises RunFailed with what Flower said."""
    app = app_folder()
    log = directory.path / "flower.log"
    with tempfile.TemporaryDirectory(prefix="fedcrucible-flower-") as home, log.open("w", encoding="utf-8") as output:
        port = _free_port()
        # Flower starts its own helpers by name: they are beside this Python, wherever it was started from.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        environment = {**os.environ, **_QUIET, "FLWR_HOME": home, "PATH": path}
        (Path(home) / "config.toml").write_text(_connection(port), encoding="utf-8")
        link = subprocess.Popen(
            [_tool("flower-superlink"), "--insecure", "--simulation", "--disable-runtime-dependency-installation",
             "--host", "127.0.0.1", "--port", str(port)],
            # Out of reach of a Ctrl-C: while it lives, the processes it began can be found, and are ended with it.
            stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            _wait_for(port, link)
            settings = f"out={json.dumps(str(directory.path.resolve()))}"
            nodes = f"num-supernodes={scenario.federation.clients} client-resources-num-cpus=1"
            subprocess.run(
                [_tool("flwr"), "run", str(app), "here", "--stream",
                 "--run-config", settings, "--federation-config", nodes],
                stdout=output, stderr=subprocess.STDOUT, env=environment, check=False,
            )  # fmt: skip
        finally:
            _end(link)
    status = directory.read_manifest()
    if status["status"] != "completed":
        raise RunFailed(status["reason"] or f"Flower ended before the run did; {log} says why")


def app_folder() -> Path:
    """The Flower App's root. Raises ScenarioError where only the packages are installed, without their pyproject."""
    root = Path(__file__).parents[2]
    if not (root / "pyproject.toml").exists():
        raise ScenarioError(["--engine flower needs a clone of the project: Flower builds its app from there"])
    return root


def _connection(port: int) -> str:
    return f'[superlink]\ndefault = "here"\n\n[superlink.here]\naddress = "127.0.0.1:{port}"\ninsecure = true\n'


def _tool(name: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if not found:
        raise RunFailed(f"{name} is not installed beside this Python")
    return found


def _wait_for(port: int, link: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        if link.poll() is not None:
            raise RunFailed(f"flower-superlink ended with {link.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RunFailed(f"flower-superlink did not answer within {_START_TIMEOUT_S:g} s")


def _end(link: "subprocess.Popen[bytes]") -> None:
    """End the SuperLink and what it began: Flower's simulation would go on playing, and writing, without it."""
    groups = _groups_below(link.pid)
    link.terminate()
    try:
        link.wait(_END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        link.kill()
        link.wait()
    deadline = time.monotonic() + _END_TIMEOUT_S
    left = [group for group in groups if _signalled(group, signal.SIGTERM)]
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = [group for group in left if _signalled(group, 0)]
    for group in left:
        _signalled(group, signal.SIGKILL)


def _signalled(group: int, number: int) -> bool:
    """Whether there was a process group to send the signal to."""
    try:
        os.killpg(group, number)
    except OSError:
        return False
    return True


def _groups_below(pid: int) -> set[int]:
    """The process groups of all that descends from a process, its own and ours not included."""
    try:
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,pgid="], capture_output=True, text=True, check=False)
    except OSError:
        return set()
    children: dict[int, list[tuple[int, int]]] = {}
    for line in listed.stdout.splitlines():
        child, parent, group = map(int, line.split())
        children.setdefault(parent, []).append((child, group))
    found, waiting = set[int](), [pid]
    while waiting:
        for child, group in children.get(waiting.pop(), []):
            found.add(group)
            waiting.append(child)
    return found - {pid, os.getpgrp()}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
