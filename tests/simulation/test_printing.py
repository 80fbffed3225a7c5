"""What becomes of messages that nobody reads or that cannot be written, and of the run that they are about."""

import os
import subprocess
import sys

import pytest

from runs import ROOT, SMALL, typed, write
from simulation import verify


def shell(line, *arguments, **environment):
    """A line of shell in which $FED is the command line, in a process of its own."""
    fed = f"{sys.executable} -m simulation"
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "FED": fed, **environment}
    words = ["bash", "-c", line, "bash", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False, env=variables)


@pytest.mark.parametrize("closed", [">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
def test_a_run_whose_messages_go_nowhere_is_played_and_nothing_of_them_is_in_its_files(tmp_path, closed):
    ended = shell(f"$FED run $1 --workers 2 --out $2 {closed}", write(tmp_path, SMALL), tmp_path / "run")
    assert ended.returncode == 0
    assert verify.examine(tmp_path / "run").problems == []
    assert not verify.examine(tmp_path / "run").so_far


def test_a_reader_that_has_seen_enough_is_no_failure(tmp_path):
    ended = shell("set -o pipefail; $FED check $1 --json | true", write(tmp_path, SMALL))
    assert (ended.returncode, ended.stderr) == (0, "")


def test_no_room_for_what_was_asked_for_is_told_in_a_line(tmp_path):
    ended = shell("$FED check $1 >/dev/full", write(tmp_path, SMALL))
    assert ended.returncode == 1
    assert "No space left on device" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_what_a_terminal_cannot_show_is_escaped(tmp_path):
    file = write(tmp_path, SMALL.replace("Does it work?", "Was kostet \N{GREEK SMALL LETTER EPSILON}?"))
    ended = shell("$FED check $1", file, PYTHONIOENCODING="ascii")
    assert ended.returncode == 0
    assert ended.stdout.startswith(r"small: Was kostet \u03b5?")


@pytest.mark.parametrize("command", ["run", "resume", "sweep", "check", "verify", "audit", "report"])
def test_help_says_what_each_argument_is(command):
    told = typed(command, "--help").stdout
    assert "a scenario file" in told or "a run directory" in told
    assert "\\" not in told
