"""What a run left behind and somebody or something damaged: refused with the file's name, and left as it was."""

import json
import os
import re
import shutil
import signal

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from privacy.errors import ScenarioError
from runs import PRIVATE, SMALL, begin, play, typed, wait_for_rounds, write
from server.run_directory import journal
from server.run_directory.files import RunDirectory
from simulation import running, verify

LONG = ("--workers", 1, "--set", "federation.rounds=400")


def cut(folder, text, name):
    """A run that was killed after a few rounds."""
    process = begin("run", write(folder, text, f"{name}.toml"), *LONG, "--out", folder / name)
    wait_for_rounds(folder / name, 4)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return folder / name


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    return cut(tmp_path_factory.mktemp("killed"), SMALL + PRIVATE, "killed")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return cut(tmp_path_factory.mktemp("other"), SMALL + PRIVATE, "other")


@pytest.fixture
def run(killed, tmp_path):
    return RunDirectory(shutil.copytree(killed, tmp_path / "run"))


def checkpoint_of(directory):
    """The newest: a kill may have come before the one before it was dropped."""
    return max(directory.checkpoint.glob("round-*"))


def rewritten(directory, change):
    arrays = load_file(checkpoint_of(directory))
    state = json.loads(arrays["state"].tobytes())
    change(arrays, state)
    arrays["state"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    save_file(arrays, checkpoint_of(directory))


def a_parameter(arrays, state):
    arrays["parameters"][0] += np.float32(1e-3)


def another_round(arrays, state):
    state["round"] = 400


def nested(arrays, state):
    state["memories"] = [[[]]]


def in_whole_numbers(arrays, state):
    arrays["parameters"] = arrays["parameters"].astype(np.int64)


def snapshot(directory):
    return {path: path.read_bytes() for path in directory.path.rglob("*") if path.is_file()}


def refusal_of(directory):
    """What a resume says; nothing may have changed."""
    before = snapshot(directory)
    with pytest.raises(ScenarioError) as refused:
        running.resume(directory.path, 1)
    assert snapshot(directory) == before
    [problem] = refused.value.problems
    return problem


@pytest.mark.parametrize("change", [a_parameter, another_round, nested, in_whole_numbers])
def test_a_checkpoint_that_is_not_what_its_line_says_is_refused(change, run):
    rewritten(run, change)
    assert refusal_of(run).startswith(f"{checkpoint_of(run)}: is damaged, or not of this run (")


@pytest.mark.parametrize("size", [0, 7, 500])
def test_a_checkpoint_that_was_cut_is_refused(size, run):
    os.truncate(checkpoint_of(run), size)
    assert refusal_of(run).startswith(f"{checkpoint_of(run)}: is damaged")


def test_the_checkpoint_before_that_a_kill_left_is_dropped_and_no_substitute(run):
    earlier = checkpoint_of(run).with_name("round-000001.safetensors")
    shutil.copy(checkpoint_of(run), earlier)
    rewritten(run, a_parameter)
    assert refusal_of(run).startswith(f"{checkpoint_of(run)}: is damaged")
    shutil.copy(earlier, checkpoint_of(run))
    running.resume(run.path, 1)
    assert not earlier.exists()


def test_what_lies_beside_a_checkpoint_is_checked_too(run):
    [blob] = (run.checkpoint / "blobs").iterdir()
    blob.write_bytes(b"rubbish")
    assert f"{blob} was changed" in refusal_of(run)


def test_a_journal_with_lines_missing_is_refused(run):
    lines = run.journal.read_text().splitlines(keepends=True)
    run.journal.write_text("".join(lines[:2]))
    assert refusal_of(run).startswith(f"{run.journal}: does not lead to the round of the checkpoint")


def test_without_its_journal_a_run_does_not_go_on(run):
    run.journal.unlink()
    assert "does not lead to the round of the checkpoint" in refusal_of(run)


def test_the_journal_and_the_checkpoint_of_two_runs_are_refused(run, other):
    shutil.copy(other / "journal.jsonl", run.journal)
    assert "one of the two is another run's" in refusal_of(run)


@pytest.mark.parametrize("text", ["{", "[]", '{"round": 3, "attempts": -5}', '{"round": "3", "attempts": 1}'])
def test_how_often_a_round_was_tried_is_read_before_anything_is_written(text, run):
    run.attempts.write_text(text)
    assert refusal_of(run).startswith(f"{run.attempts}: ")


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(run):
    run.journal.unlink()
    os.mkfifo(run.journal)
    with pytest.raises(ScenarioError, match=r"journal\.jsonl: is no file, where a file belongs"):
        running.resume(run.path, 1)
    run.manifest.unlink()
    os.mkfifo(run.manifest)
    told = typed("resume", run.path)
    assert (told.returncode, "manifest.json is no file" in told.stderr) == (2, True)


def test_what_a_person_put_beside_a_checkpoint_stays(run):
    copy = checkpoint_of(run).with_name("round-000001 (copy).safetensors")
    shutil.copy(checkpoint_of(run), copy)
    running.resume(run.path, 1)
    assert copy.exists()
    assert verify.problems(run.path) == []


@pytest.mark.parametrize(
    ("package", "version"), [("torch", "0.1"), ("fedcrucible", "0.1.0+000000000000"), (None, None)]
)
def test_other_versions_and_other_code_are_told_when_a_run_goes_on(package, version, run, capsys):
    versions = run.read_manifest()["versions"]
    assert re.fullmatch(r"[\d.]+\+[0-9a-f]{12}", versions["fedcrucible"])
    run.update_manifest(versions=versions | ({package: version} if package else {}))
    running.resume(run.path, 1)
    told = "other versions of Python, of packages or of this code began this run" in capsys.readouterr().err
    assert told == (package is not None)


def test_a_disk_that_is_full_keeps_its_room_for_the_manifest(tmp_path, monkeypatch):
    directory = play(tmp_path, SMALL)
    fresh = directory.checkpoint / ".fresh.safetensors"
    fresh.symlink_to("/dev/full")
    from server.run_directory.checkpoint import Checkpoints

    with pytest.raises(OSError, match="No space left"):
        Checkpoints(directory.checkpoint).write(Checkpoints(directory.checkpoint).newest())
    assert not fresh.is_symlink()
    assert journal.problems(journal.read(directory.journal)) == []
