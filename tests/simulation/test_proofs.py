"""The proofs that take minutes: `make test-slow`."""

import signal
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

from clients import training
from clients.cohort import chunks
from privacy import fixed_point
from runs import ENCRYPTED, PRIVATE, SMALL, begin, command, play, summary, wait_for_rounds, write
from scenarios.seeds import stream
from scenarios.source import library
from server.run_directory import journal
from server.run_directory.files import RunDirectory
from server.run_directory.summary import ledgers_of
from simulation import running, verify

pytestmark = pytest.mark.slow

LONG = (SMALL + PRIVATE + ENCRYPTED).replace("rounds = 3", "rounds = 40")


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    begun = time.monotonic()
    path = running.start("quickstart", [], "local", 2, tmp_path_factory.mktemp("quickstart") / "run")
    return RunDirectory(path), time.monotonic() - begun


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return play(tmp_path_factory.mktemp("whole"), LONG)


def test_quickstart_is_accurate_private_and_quick(quickstart):
    directory, seconds = quickstart
    figures = summary(directory)
    assert figures["accuracy"] >= 0.93
    assert figures["epsilon"]["max"] <= 8.0
    assert figures["epsilon"]["delta"] == 1e-5
    assert seconds < 60
    assert verify.problems(directory.path) == []


@pytest.fixture(scope="module")
def plain_quickstart(tmp_path_factory):
    path = tmp_path_factory.mktemp("plain") / "run"
    return RunDirectory(running.start("quickstart", ["protection=none"], "local", 2, path))


def upload_of(directory, client="1"):
    """What a client that only trains sent in the first round: its update, its ledger and a few figures."""
    rounds = [record for record in journal.read(directory.journal) if record["kind"] == "round"]
    return rounds[0]["reports"][client]["sent_bytes"]


def test_quickstart_uploads_at_most_2_1_times_the_plain_bytes(quickstart, plain_quickstart):
    assert upload_of(quickstart[0]) <= 2.1 * upload_of(plain_quickstart)


def test_quickstart_ends_within_the_quantisation_bound_of_the_plain_run(quickstart, plain_quickstart):
    one, other = load_file(quickstart[0].model), load_file(plain_quickstart.model)
    difference = max(float(np.abs(one[name] - other[name]).max()) for name in one)
    assert difference <= 15 * fixed_point.error_bound(10, 1.0)


def test_quickstart_has_the_same_bits_on_one_worker(quickstart, tmp_path):
    path = running.start("quickstart", [], "local", 1, tmp_path / "one")
    assert summary(RunDirectory(path))["final_sha256"] == summary(quickstart[0])["final_sha256"]


def test_the_plain_baseline_reaches_95_percent(tmp_path):
    assert summary(RunDirectory(running.start("plain-baseline", [], "local", 2, tmp_path / "run")))["accuracy"] >= 0.95


@pytest.mark.parametrize("moment", range(10))
def test_a_run_killed_at_any_moment_resumes_to_the_same_bits(moment, uninterrupted, tmp_path):
    workers = 1 + moment % 2
    path = tmp_path / "cut"
    arguments = ("run", write(tmp_path, LONG), "--out", path, "--workers", workers)
    process = begin(*arguments)
    time.sleep(float(stream(moment, "kill").uniform(0.5, 10.0)))
    process.kill()
    process.communicate()
    again = command("resume", path) if (path / "manifest.json").exists() else command(*arguments)
    assert again.returncode == 0 or "the run is complete" in again.stderr, again.stderr
    cut = RunDirectory(path)
    assert summary(cut)["final_sha256"] == summary(uninterrupted)["final_sha256"]
    assert summary(cut)["epsilon"] == summary(uninterrupted)["epsilon"]
    assert verify.problems(path) == []


@pytest.mark.filterwarnings("ignore:Full backward hook")  # Opacus' hooks on a first layer
@pytest.mark.parametrize("name", [name for name, _, _ in library()])
def test_a_library_scenario_costs_and_learns_the_same_without_cohorts(name, tmp_path, monkeypatch):
    together = RunDirectory(running.start(name, ["sweep=none"], "local", 1, tmp_path / "together"))
    for module in (training, chunks):
        monkeypatch.setattr(module, "network_of", lambda *_: None)
    alone = RunDirectory(running.start(name, ["sweep=none"], "local", 1, tmp_path / "alone"))
    one, other = (journal.read(directory.journal) for directory in (together, alone))
    assert ledgers_of(one) == ledgers_of(other)
    assert [record.get("epsilon") for record in one] == [record.get("epsilon") for record in other]
    assert summary(together)["epsilon"] == summary(alone)["epsilon"]
    # Sums in another order: hardly a record changes sides.
    assert summary(together)["accuracy"] == pytest.approx(summary(alone)["accuracy"], abs=0.002)


EVENTFUL = (
    'learner = { kind = "replay", memory = 40 }\n'
    + (SMALL + PRIVATE).replace("rounds = 3", "rounds = 120").replace("quorum = 2", "quorum = 1")
    + """
[stream]
kind = "class-incremental"
experiences = 5
rounds_per_experience = 24
[[event]]
kind = "dropout"
at = 1
rate = 0.4
clients = [1, 2, 3]
[[event]]
kind = "straggle"
at = 10
clients = [0, 2]
rounds = 3
late = "use"
[[event]]
kind = "poison"
at = 40
clients = [1]
attack = { kind = "backdoor", target = 0 }
[[event]]
kind = "drift"
at = 60
until = 100
pattern = "gradual"
shift = { kind = "inversion" }
[[event]]
kind = "unlearn"
at = 110
clients = [1]
segments = ["classes 2, 3"]
method = "rollback"
"""
)


@pytest.fixture(scope="module")
def eventful(tmp_path_factory):
    return play(tmp_path_factory.mktemp("eventful"), EVENTFUL)


@pytest.mark.parametrize("rounds", [3, 30, 50, 75, 112])
def test_a_run_killed_within_an_experience_resumes_to_the_same_bits_ledger_and_matrix(rounds, eventful, tmp_path):
    path = tmp_path / "cut"
    process = begin("run", write(tmp_path, EVENTFUL), "--out", path, "--workers", 1)
    wait_for_rounds(path, rounds)
    process.kill()
    process.communicate()
    again = command("resume", path)
    assert again.returncode == 0 or "the run is complete" in again.stderr, again.stderr
    cut = RunDirectory(path)
    assert summary(cut)["final_sha256"] == summary(eventful)["final_sha256"]
    assert summary(cut)["epsilon"] == summary(eventful)["epsilon"]
    assert (path / "matrix.json").read_bytes() == (eventful.path / "matrix.json").read_bytes()
    assert verify.problems(path) == []


def test_flowers_own_runtime_gives_the_same_model(tmp_path):
    path = write(tmp_path, SMALL + PRIVATE + ENCRYPTED)
    ours = play(tmp_path, SMALL + PRIVATE + ENCRYPTED, out="local")
    theirs = RunDirectory(running.start(str(path), [], "flower", None, tmp_path / "flower"))
    one, other = load_file(ours.model), load_file(theirs.model)
    assert all(np.allclose(one[name], other[name], rtol=0, atol=1e-4) for name in one)
    assert summary(ours)["epsilon"] == summary(theirs)["epsilon"]
    assert verify.problems(theirs.path) == []


def test_flowers_own_runtime_plays_no_round_after_a_ctrl_c(tmp_path):
    path = tmp_path / "cut"
    scenario = write(tmp_path, SMALL)
    process = begin("run", scenario, "--engine", "flower", "--set", "federation.rounds=2000", "--out", path)
    wait_for_rounds(path, 5)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    directory = RunDirectory(path)
    assert "fedcrucible resume" not in told
    assert directory.read_manifest()["status"] == "interrupted"
    before = directory.journal.read_bytes()
    time.sleep(2)
    assert directory.journal.read_bytes() == before
    assert verify.problems(path) == []
