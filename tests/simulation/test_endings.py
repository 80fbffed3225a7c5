"""How runs begin and end when something else goes wrong, and what the directory then says of it."""

import json
import os
import shutil
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flwr.app import Context, RecordDict

from privacy import accounting, fixed_point
from privacy.errors import RunFailed, ScenarioError
from runs import ENCRYPTED, PRIVATE, SMALL, begin, play, summary, typed, wait_for_rounds, write
from server import app
from server.run_directory import files as directory_module
from server.run_directory import journal
from server.run_directory.checkpoint import Checkpoints
from server.run_directory.files import RunDirectory
from server.run_directory.summary import total
from simulation import running, verify
from simulation.engines import flower, local
from simulation.engines.grid import LocalGrid
from simulation.report import write_report


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return play(tmp_path_factory.mktemp("played"), SMALL + PRIVATE)


@pytest.fixture
def finished(played, tmp_path):
    return RunDirectory(shutil.copytree(played.path, tmp_path / "run"))


def disk_full(*_):
    raise OSError(28, "No space left on device")


def change(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_an_infinite_epsilon_is_told_and_verified(tmp_path, monkeypatch):
    monkeypatch.setattr(accounting, "_LEAST_NOISE", 10.0)  # as if all noise of this run were as good as none
    directory = play(tmp_path, SMALL + PRIVATE, "privacy.delta=2.5e-4")
    assert summary(directory)["epsilon"]["max"] is None
    assert "epsilon infinite at delta 0.00025" in running.closing_lines(directory.path)[0]
    assert verify.problems(directory.path) == []
    monkeypatch.undo()
    accounting._epsilon_rdp.cache_clear()
    assert any("is said to have spent inf" in problem for problem in verify.problems(directory.path))


def test_a_sum_that_cannot_be_ends_the_run_whatever_the_quorum(tmp_path, monkeypatch):
    # Were it only the round that is lost, each round would tell whoever sent rubbish a bit about the secret key.
    too_large = np.full(650, 130_900), 0  # four of them are 523,600; honest updates come to 520,195 at most
    monkeypatch.setattr(fixed_point, "quantise", lambda update, weight, value_range: too_large)
    with pytest.raises(RunFailed, match=r"round 1: 0 usable updates.*the round has no sum: .* out of range"):
        play(tmp_path, SMALL + ENCRYPTED, "federation.quorum=1")
    assert [line["kind"] for line in journal.read(tmp_path / "run" / "journal.jsonl")] == ["start", "round-failed"]


def test_the_head_is_printed_for_whoever_keeps_it(finished):
    head = journal.read(finished.journal)[-1]["hash"]
    assert f"journal head {head}" in running.closing_lines(finished.path)


@pytest.fixture
def start_two(tmp_path, monkeypatch):
    """Starts the same scenario twice at the same moment; gives what came of each, the path or the refusal."""
    path, both = str(write(tmp_path, SMALL)), threading.Barrier(2)
    load = running.load
    monkeypatch.setattr(running, "load", lambda *args: (load(*args), both.wait())[0])

    def start(out):
        try:
            return running.start(path, [], "local", 1, out)
        except ScenarioError as error:
            return error

    def start_both(out):
        with ThreadPoolExecutor(2) as starters:
            return list(starters.map(start, [out, out]))

    return start_both


def test_of_two_starts_on_one_directory_one_is_refused(tmp_path, start_two):
    told = start_two(tmp_path / "run")
    assert sorted(isinstance(each, ScenarioError) for each in told) == [False, True]
    assert verify.problems(tmp_path / "run") == []


def test_of_two_starts_that_name_no_directory_each_has_its_own(tmp_path, monkeypatch, start_two):
    monkeypatch.chdir(tmp_path)
    assert sorted(map(str, start_two(None))) == ["runs/small", "runs/small-2"]
    assert all(verify.problems(Path(path)) == [] for path in ("runs/small", "runs/small-2"))


def test_where_no_default_directory_can_be_made_another_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(ScenarioError, match="runs: File exists; --out DIR names another place"):
        running.start(str(write(tmp_path, SMALL)), [], "local", 1)


def test_a_wrong_scenario_leaves_nothing_behind(tmp_path):
    with pytest.raises(ScenarioError, match="cannot be reached"):
        play(tmp_path, SMALL + PRIVATE, "privacy.noise_multiplier=none", "privacy.epsilon=0.00001")
    assert [entry.name for entry in tmp_path.iterdir()] == ["scenario.toml"]


def test_a_directory_that_is_claimed_is_left_alone(tmp_path):
    directory = RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    with directory.locked(), pytest.raises(ScenarioError, match="another process"):
        play(tmp_path, SMALL)
    assert list(directory.path.iterdir()) == []


def test_a_journal_of_another_run_is_found(tmp_path, finished):
    other = play(tmp_path, SMALL + PRIVATE, out="other")
    finished.journal.write_bytes(other.journal.read_bytes())
    assert "journal.jsonl: it belongs to another run than manifest.json" in verify.problems(finished.path)


@pytest.mark.parametrize("engine", ["local", "flower"])
def test_what_fails_outside_the_rounds_is_written_down(tmp_path, monkeypatch, engine):
    monkeypatch.setattr(local, "LocalGrid", disk_full)
    monkeypatch.setattr(flower, "_tool", disk_full)
    with pytest.raises(RunFailed, match="No space left"):
        running.start(str(write(tmp_path, SMALL)), [], engine, 1, tmp_path / "run")
    manifest = RunDirectory(tmp_path / "run").read_manifest()
    assert manifest["status"] == "failed"
    assert "No space left" in manifest["reason"]
    assert manifest["ended"] is not None
    assert verify.problems(tmp_path / "run") == []


def test_a_model_that_cannot_be_written_fails_the_run_and_can_be_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr(app, "write_bytes", disk_full)
    with pytest.raises(RunFailed, match="No space left"):
        play(tmp_path, SMALL + PRIVATE)
    directory = RunDirectory(tmp_path / "run")
    assert directory.read_manifest()["status"] == "failed"
    monkeypatch.undo()
    running.resume(directory.path, 1)
    assert verify.problems(directory.path) == []


def test_a_page_that_cannot_be_written_leaves_a_complete_run_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "write_report", disk_full)
    with pytest.raises(RunFailed, match=r"report\.html: cannot be written: No space left.*the run itself is complete"):
        play(tmp_path, SMALL)
    assert RunDirectory(tmp_path / "run").read_manifest()["status"] == "completed"
    assert verify.problems(tmp_path / "run") == []


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (ValueError("no such\nchart"), "ValueError: no such chart"),
    ],
)
def test_a_failed_runs_page_that_cannot_be_written_is_told_in_a_line_beside_the_failure(
    tmp_path, monkeypatch, error, why
):
    def fail(*_):
        raise RuntimeError("no grid")

    def write_nothing(*_):
        raise error

    monkeypatch.setattr(local, "LocalGrid", fail)
    monkeypatch.setattr(running, "write_report", write_nothing)
    told = typed("run", write(tmp_path, SMALL), "--out", tmp_path / "run", "--workers", 1)
    assert told.returncode == 1
    assert told.stderr.splitlines()[-2:] == [
        f"{tmp_path / 'run' / 'report.html'}: cannot be written: {why}",
        "RuntimeError: no grid",
    ]
    assert RunDirectory(tmp_path / "run").read_manifest()["reason"] == "RuntimeError: no grid"


def test_a_disk_without_room_for_a_manifest_is_told_and_the_directory_is_as_good_as_new(tmp_path, monkeypatch):
    monkeypatch.setattr(directory_module, "write_through", disk_full)
    with pytest.raises(RunFailed, match=r"manifest\.json: cannot be written: No space left"):
        play(tmp_path, SMALL)
    monkeypatch.undo()
    assert list((tmp_path / "run").iterdir()) == []
    assert verify.problems(play(tmp_path, SMALL).path) == []


def test_half_a_page_is_never_left_behind(finished, tmp_path, monkeypatch):
    page = finished.report.read_bytes()
    monkeypatch.setattr(Path, "replace", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_report([finished.path], finished.report)
    assert finished.report.read_bytes() == page
    assert not [entry for entry in finished.path.iterdir() if entry.name.startswith(".")]


def test_a_failure_over_a_torn_journal_is_still_told(tmp_path, monkeypatch):
    directory = RunDirectory(tmp_path / "run")

    def tear(*_):
        directory.journal.write_text(directory.journal.read_text() + '{"kind":"rou')
        disk_full()

    monkeypatch.setattr(app, "write_bytes", tear)
    with pytest.raises(RunFailed, match="No space left"):
        play(tmp_path, SMALL + PRIVATE)
    assert directory.read_manifest()["status"] == "failed"
    assert summary(directory)["epsilon"]["max"] > 0
    assert verify.examine(directory.path).torn
    assert verify.problems(directory.path) == []


def test_a_stopped_run_on_flower_is_interrupted_and_not_sent_to_resume(tmp_path, monkeypatch):
    def stopped(scenario, directory):
        directory.update_manifest(status="failed", reason="the connection was lost")
        raise KeyboardInterrupt

    monkeypatch.setattr(flower, "run", stopped)
    with pytest.raises(RunFailed, match="stopped") as caught:
        running.start(str(write(tmp_path, SMALL)), [], "flower", 1, tmp_path / "run")
    assert "fedcrucible resume" not in str(caught.value)
    assert RunDirectory(tmp_path / "run").read_manifest()["status"] == "interrupted"


def test_a_ctrl_c_after_the_end_changes_nothing(tmp_path, monkeypatch):
    play_to_the_end = local.run

    def stopped(*args):
        play_to_the_end(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(local, "run", stopped)
    directory = play(tmp_path, SMALL)
    assert directory.read_manifest()["status"] == "completed"
    assert directory.report.exists()


def test_a_failed_runs_head_and_epsilon_are_checked(tmp_path):
    text = SMALL.replace("quorum = 2", "quorum = 4") + PRIVATE
    changes = ('data.partition={kind="quantity",alpha=1.0}', "privacy.budget.epsilon=2.5")
    with pytest.raises(RunFailed, match="below the quorum of 4"):
        play(tmp_path, text, *changes)
    directory = RunDirectory(tmp_path / "run")
    lines = directory.journal.read_text().splitlines(keepends=True)
    assert directory.read_manifest()["journal_head"] == json.loads(lines[-1])["hash"]
    assert verify.problems(directory.path) == []
    directory.journal.write_text("".join(lines[:-1]))
    assert any("the end is missing" in problem for problem in verify.problems(directory.path))
    directory.journal.write_text("".join(lines))
    figures = summary(directory)
    figures["epsilon"]["per_client"]["1"]["max"] /= 2
    change(directory.summary, **figures)
    assert any("client 1 is said to have spent" in problem for problem in verify.problems(directory.path))


def test_a_largest_epsilon_that_no_client_spent_is_found(finished):
    figures = summary(finished)
    change(finished.summary, epsilon={**figures["epsilon"], "max": figures["epsilon"]["max"] / 2})
    assert any("the largest epsilon is not" in problem for problem in verify.problems(finished.path))


def test_a_killed_runs_torn_journal_is_intact_so_far(finished):
    change(finished.manifest, status="running", journal_head=None)
    finished.journal.write_text(finished.journal.read_text()[:-40])
    result = typed("verify", finished.path)
    assert result.returncode == 0, result.stderr
    assert "intact so far" in result.stdout
    assert "its last line was cut" in result.stdout
    assert "epsilon recomputed" in result.stdout


@pytest.mark.parametrize(
    "damage",
    [
        lambda manifest: [],
        lambda manifest: "manifest",
        lambda manifest: {key: value for key, value in manifest.items() if key != "scenario"},
        lambda manifest: {**manifest, "scenario": []},
        lambda manifest: {**manifest, "scenario": {**manifest["scenario"], "seed": "x"}},
        lambda manifest: {**manifest, "status": []},
        lambda manifest: {**manifest, "engine": None},
        lambda manifest: {key: value for key, value in manifest.items() if key != "run"},
    ],
)
def test_a_damaged_manifest_is_refused_in_a_line(finished, damage):
    finished.manifest.write_text(json.dumps(damage(finished.read_manifest())))
    for refused in (verify.examine, running.resume):
        with pytest.raises(ScenarioError) as caught:
            refused(finished.path)
        [problem] = caught.value.problems
        assert problem.startswith(f"{finished.path}: not a ")
        assert "\n" not in problem


@pytest.mark.parametrize("content", ["[]", "{", '"epsilon"', "3"])
def test_a_damaged_summary_is_refused_in_a_line(finished, content):
    finished.summary.write_text(content)
    with pytest.raises(ScenarioError, match="not a readable run directory") as caught:
        verify.problems(finished.path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["manifest.json", "journal.jsonl", "summary.json", "model.safetensors"])
def test_a_directory_in_the_place_of_a_runs_file_is_refused_with_its_name(finished, name):
    (finished.path / name).unlink()
    (finished.path / name).mkdir()
    told = typed("verify", finished.path)
    assert told.returncode == 2
    assert told.stderr == f"{finished.path}: not a readable run directory: {name}: Is a directory\n"


@pytest.mark.parametrize("name", ["journal.jsonl", "summary.json", "model.safetensors", "report.html"])
def test_a_directory_in_the_place_of_what_a_run_writes_keeps_it_from_going_on(finished, name):
    change(finished.manifest, status="interrupted")
    (finished.path / name).unlink()
    (finished.path / name).mkdir()
    told = typed("resume", finished.path)
    assert told.returncode == 2
    assert told.stderr == f"{finished.path / name}: is a directory, where a file belongs; move it away\n"
    assert finished.read_manifest()["status"] == "interrupted"


def test_a_directory_in_the_place_of_findings_is_refused_before_anything_is_tried(finished):
    finished.findings.mkdir()
    told = typed("audit", finished.path)
    assert told.returncode == 2
    assert told.stderr == f"{finished.findings}: is a directory, where a file belongs; move it away\n"
    assert summary(finished)["findings"] == []


@pytest.mark.parametrize("rounds", [1, 8])
def test_ctrl_c_on_a_terminal_while_workers_start_leaves_only_one_word_of_it(rounds, tmp_path):
    words = ("--workers", 2, "--set", "federation.rounds=5000", "--out", tmp_path / "cut")
    process = begin("run", write(tmp_path, SMALL), *words, process_group=0)
    wait_for_rounds(tmp_path / "cut", rounds)  # the main process plays the first ones while the others import
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.splitlines()[-1] == f"stopped; go on with: fedcrucible resume {tmp_path / 'cut'}"
    assert "Traceback" not in said


def test_a_resumed_runs_seconds_and_head_count_what_was_played_before(tmp_path):
    path = write(tmp_path, SMALL)
    process = begin("run", path, "--workers", 1, "--set", "federation.rounds=200", "--out", tmp_path / "cut")
    wait_for_rounds(tmp_path / "cut", 5)
    process.send_signal(signal.SIGINT)
    process.communicate()
    directory = RunDirectory(tmp_path / "cut")
    before = journal.read(directory.journal)
    assert directory.read_manifest()["journal_head"] == before[-1]["hash"]
    assert "intact so far" in typed("verify", directory.path).stdout
    # As if the rounds before had taken an hour: the chain is written anew, the checkpoint's line with it.
    previous, slow = journal.GENESIS, []
    for record in before:
        content = {key: value for key, value in record.items() if key not in ("previous", "hash")}
        slow.append(journal.link(previous, content | ({"seconds": 3600.0} if content["kind"] == "round" else {})))
        previous = slow[-1].hash
    directory.journal.unlink()
    for line in slow:
        journal.append(directory.journal, line)
    checkpoints = Checkpoints(directory.checkpoint)
    checkpoints.write(replace(checkpoints.newest(), line=slow[-1]))
    running.resume(directory.path, 1)
    assert summary(directory)["wall_seconds"] > 3600 * 5
    assert verify.problems(directory.path) == []


def test_bytes_of_the_start_are_counted_and_odd_figures_are_not(finished):
    records = [
        {"kind": "start", "sent_bytes": 1000},
        {"kind": "round", "sent_bytes": 10},
        {"kind": "round", "sent_bytes": None},
        {"kind": "round", "sent_bytes": True},
        {"kind": "end", "sent_bytes": 7},
    ]
    assert total(records, "sent_bytes") == 1010
    assert total(records, "received_bytes") == 0


def test_a_run_that_has_ended_is_not_played_again(finished):
    with pytest.raises(ScenarioError, match="exists already"):
        app.play(None, finished)
    assert finished.read_manifest()["status"] == "completed"


def test_the_flower_app_alone_claims_its_directory_once(tmp_path):
    settings = {"scenario": str(write(tmp_path, SMALL)), "overrides": "seed=4; federation.rounds=2"}
    context = Context(1, 1, {}, RecordDict(), {**settings, "out": str(tmp_path / "run")})
    app.app(LocalGrid(4, 1), context)
    directory = RunDirectory(tmp_path / "run")
    assert directory.read_manifest()["scenario"]["seed"] == 4
    assert verify.problems(directory.path) == []
    with pytest.raises(ScenarioError, match="exists already"):
        app.app(LocalGrid(4, 1), context)
    assert directory.read_manifest()["status"] == "completed"
