"""Small real runs for the tests: a scenario file in a folder, played by the command line's own code."""

import functools
import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from server.run_directory.files import RunDirectory
from simulation import cli, running

ROOT = Path(__file__).parents[2]

SMALL = """
format = 1
name = "small"
question = "Does it work?"
seed = 3
[data]
dataset = "digits"
[model]
kind = "logistic"
[federation]
clients = 4
rounds = 3
quorum = 2
[training]
batch_size = 60
learning_rate = 0.5
"""

PRIVATE = """
[privacy]
kind = "dp-sgd"
noise_multiplier = 1.5
delta = 1e-4
"""

ENCRYPTED = """
[protection]
kind = "homomorphic"
"""


def write(folder: Path, text: str, name: str = "scenario.toml") -> Path:
    """A scenario file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def play(folder: Path, text: str, *overrides: str, out: str = "run", workers: int = 1) -> RunDirectory:
    """Run a scenario into `folder / out`."""
    path = running.start(str(write(folder, text)), list(overrides), "local", workers, folder / out)
    return RunDirectory(path)


def summary(directory: RunDirectory) -> dict[str, object]:
    """What the run says of itself."""
    return json.loads(directory.summary.read_text(encoding="utf-8"))


def command(*arguments: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """The command line in a process of its own."""
    return subprocess.run(_words(arguments), capture_output=True, text=True, check=False, cwd=cwd, env=_environment())


def typed(*arguments: object, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """The command line as `command` has it, but in this process, which has imported everything already."""
    words, out, err = list(map(str, arguments)), io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["fedcrucible", *words])
        patch.chdir(cwd or Path.cwd())
        try:
            cli.main()
        except SystemExit as ended:
            return subprocess.CompletedProcess(words, int(ended.code or 0), out.getvalue(), err.getvalue())
    raise AssertionError("the command line always ends with an exit code")


def begin(*arguments: object, process_group: int | None = None) -> "subprocess.Popen[str]":
    """The command line in a process that goes on by itself; what it says on standard error is kept.

    It heeds Ctrl-C whoever started the tests: a shell lets what it runs in the background ignore it. With 0 as its
    group, that is its own, so that a signal may reach all its processes, as from a terminal.
    """
    return subprocess.Popen(
        _words(arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(),
        process_group=process_group,
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def wait_for_rounds(path: Path, rounds: int) -> None:
    """Wait until a run has journalled so many rounds."""
    journal = path / "journal.jsonl"
    deadline = time.monotonic() + 60
    while not (journal.exists() and journal.read_bytes().count(b'"kind":"round"') >= rounds):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} did not reach round {rounds}")
        time.sleep(0.02)


def _words(arguments: tuple[object, ...]) -> list[str]:
    return [sys.executable, "-m", "simulation", *map(str, arguments)]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}
