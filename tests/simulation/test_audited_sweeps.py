import shutil
import signal
import statistics
import time

import pytest
from report_page import read_page
from small_sweeps import manifests, results, sweep

from privacy.errors import RunFailed, ScenarioError
from runs import PRIVATE, SMALL, begin, typed, write
from server.run_directory.files import RunDirectory, write_bytes
from simulation import auditing
from simulation.sweeps.audited import mark_attack_fronts
from simulation.sweeps.directory import SweepDirectory

AUDITS = """
[[audit]]
kind = "membership-inference"
shadows = 2
[[audit]]
kind = "canary"
canaries = 300
"""
GRID = """
[sweep]
privacy = ["none", { kind = "dp-sgd", noise_multiplier = 1.5, delta = 1e-4 }]
seed = [0, 1]
"""
AUDITED = SMALL + AUDITS + GRID
LIRA, LOSS = (f"membership-inference: AUC of {name}" for name in ("LiRA (offline)", "a threshold on the loss"))
BOUND = "canary: epsilon, lower bound"


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    return sweep(tmp_path_factory.mktemp("sweep"), AUDITED)


@pytest.fixture
def copied(swept, tmp_path):
    return SweepDirectory(shutil.copytree(swept.path, tmp_path / "sweep"))


def first_of(directory):
    return RunDirectory(directory.runs / results(directory)["runs"][0]["name"])


def finding(swept, name, privacy):
    [one] = [one for one in results(swept)["settings"] if (one["settings"]["privacy"] == "none") == (privacy == "none")]
    return one["findings"].get(name)


def test_a_run_is_audited_as_by_itself(swept):
    for path in swept.runs.iterdir():
        directory = RunDirectory(path)
        written = directory.findings.read_bytes(), directory.summary.read_bytes()
        auditing.audit(path)
        assert (directory.findings.read_bytes(), directory.summary.read_bytes()) == written


def test_attack_success_has_mean_and_deviation_over_the_seeds(swept):
    values = [run["findings"][LIRA]["value"] for run in results(swept)["runs"] if run["settings"]["privacy"] == "none"]
    found = finding(swept, LIRA, "none")
    assert found["mean"] == pytest.approx(statistics.fmean(values))
    assert found["standard_deviation"] == pytest.approx(statistics.stdev(values))
    assert (found["count"], [one["audited"] for one in results(swept)["settings"]]) == (2, [2, 2])


def test_the_page_draws_what_real_audits_found(swept):
    charts = read_page(swept.report).charts
    assert {"sweep-accuracy-attack-2", "sweep-attacks-epsilon", "sweep-epsilon-shown"} <= charts.keys()
    run = next(path for path in swept.runs.iterdir() if "dp-sgd" in path.name)
    assert {"run-1-epsilon-shown", "run-1-attacks", "run-1-noise"} <= read_page(run / "report.html").charts.keys()


def test_an_audit_is_left_out_where_it_does_not_fit_and_the_manifest_says_how_to_get_that_run(swept):
    assert finding(swept, BOUND, "none") is None
    assert finding(swept, BOUND, "dp-sgd")["count"] == 2
    [plain, *_] = [one for one in manifests(swept).values() if one["scenario"]["privacy"]["kind"] == "none"]
    assert [audit["kind"] for audit in plain["scenario"]["audit"]] == ["membership-inference"]
    assert 'audit=[{ kind = "membership-inference", shadows = 2 }]' in plain["overrides"]


def test_an_audit_that_fits_no_point_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match=r"audit\[1\]\.kind: there is no noise to audit.*\(at every point\)"):
        sweep(tmp_path, SMALL + AUDITS + "[sweep]\nseed = [0, 1]\n")
    with pytest.raises(ScenarioError, match=r"audit\[0\]"):
        sweep(tmp_path, AUDITED, 'audit=["canari"]')


def test_check_says_which_audits_will_be_run(tmp_path):
    told = typed("check", write(tmp_path, AUDITED))
    assert "after each run its audits are run: membership-inference, canary" in told.stdout
    assert "left out where it does not fit: canary, at 2 of 4 points" in told.stdout
    assert "audits" not in typed("check", write(tmp_path, SMALL + GRID)).stdout


def test_a_completed_run_without_its_findings_gets_them_and_is_not_played_again(copied):
    first = first_of(copied)
    before, found = first.read_manifest(), first.findings.read_bytes()
    first.findings.unlink()
    sweep(copied.path.parent, AUDITED)
    assert first.read_manifest() == before
    assert first.findings.read_bytes() == found


def test_a_failed_audit_does_not_lose_the_run_and_is_told(copied):
    first = first_of(copied)
    first.update_manifest(data_sha256="0" * 64)
    first.findings.unlink()
    with pytest.raises(
        RunFailed, match=r"data_sha256 is not that of(.|\n)*1 runs were completed and their audits failed"
    ):
        sweep(copied.path.parent, AUDITED)
    run = results(copied)["runs"][0]
    assert (run["status"], run["audits"], run["accuracy"] is None) == ("completed", "failed", False)
    assert "does not verify: journal.jsonl: data_sha256 is not that of manifest.json" in run["audits_failed"]
    assert results(copied)["settings"][0]["count"] == 2
    assert finding(copied, LIRA, "none")["count"] == 1
    assert "completed, its audits failed" in copied.report.read_text()


def test_a_contradiction_is_told_and_ends_the_sweep_with_an_error(copied):
    first = first_of(copied)
    for file in (first.findings, first.summary):
        write_bytes(file, file.read_bytes().replace(b'"contradiction": false', b'"contradiction": true', 1))
    with pytest.raises(RunFailed, match=r"CONTRADICTION: .*loss(.|\n)*findings of 1 run contradict what it promises"):
        sweep(copied.path.parent, AUDITED)


def test_a_sweep_that_is_killed_during_an_audit_goes_on_with_it(tmp_path):
    text = (SMALL + AUDITS + "[sweep]\nseed = [0]\n").replace("shadows = 2", "shadows = 80") + PRIVATE
    path = write(tmp_path, text)
    process = begin("sweep", path, "--jobs", 1, "--out", tmp_path / "sweep")
    deadline = time.monotonic() + 60
    while not list((tmp_path / "sweep" / "runs").glob("*/report.html")):  # the last thing that a run writes
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    [run] = map(RunDirectory, (tmp_path / "sweep" / "runs").iterdir())
    assert run.read_manifest()["status"] == "completed"
    assert not run.findings.exists()
    assert results(sweep(tmp_path, text))["settings"][0]["audited"] == 1
    found = run.findings.read_bytes()
    auditing.audit(run.path)
    assert run.findings.read_bytes() == found


def test_a_front_of_attacks_has_those_that_no_other_beats_and_worse_than_guessing_is_guessing():
    settings = [
        {"accuracy": {"mean": accuracy}, "findings": {LOSS: {"mean": auc}, BOUND: {"mean": 0.1}}}
        for accuracy, auc in ((0.80, 0.40), (0.82, 0.50), (0.90, 0.60), (0.89, 0.61), (0.95, 0.75))
    ]
    settings.append({"accuracy": {"mean": 0.99}, "findings": {}})
    mark_attack_fronts(settings)
    assert [one["findings"][LOSS]["on_front"] for one in settings[:-1]] == [False, True, True, False, True]
    assert "on_front" not in settings[0]["findings"][BOUND]


@pytest.mark.parametrize("name", ["audit", "verify"])
def test_a_sweep_is_not_taken_for_a_run(swept, name):
    told = typed(name, swept.path)
    assert told.returncode == 2
    assert told.stderr.strip() == f"{swept.path}: holds a sweep; name one of its runs, which are in {swept.runs}"
