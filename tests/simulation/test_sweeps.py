import json
import shutil
import signal
import statistics
import time

import pytest
from small_sweeps import GRID, VALIDATED, manifests, results, sweep

from privacy.errors import RunFailed, ScenarioError
from runs import PRIVATE, SMALL, begin, command, play, summary, typed, wait_for_rounds, write
from scenarios.schema import Scenario
from server.run_directory import journal
from server.run_directory.files import RunDirectory
from simulation import running, verify
from simulation.sweeps import sweeping
from simulation.sweeps.directory import SweepDirectory
from simulation.sweeps.fronts import on_front
from simulation.sweeps.promises import promises_of


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    return sweep(tmp_path_factory.mktemp("sweep"))


@pytest.fixture
def copied(swept, tmp_path):
    return SweepDirectory(shutil.copytree(swept.path, tmp_path / "sweep"))


def setting(told, noise, rate):
    wanted = {"privacy.noise_multiplier": noise, "training.learning_rate": rate}
    [one] = [one for one in told["settings"] if one["settings"] == wanted]
    return one


def test_every_point_is_an_ordinary_run_to_the_same_bits_as_by_itself(swept, tmp_path):
    first = results(swept)["runs"][0]
    alone = play(tmp_path, VALIDATED + PRIVATE, "privacy.noise_multiplier=1.0", "training.learning_rate=0.01", "seed=0")
    directory = RunDirectory(swept.runs / first["name"])
    assert summary(directory)["final_sha256"] == summary(alone)["final_sha256"]
    assert summary(directory)["scenario_sha256"] == summary(alone)["scenario_sha256"] == first["scenario_sha256"]
    assert verify.problems(directory.path) == []


def test_settings_have_mean_and_deviation_over_their_seeds(swept):
    told = results(swept)
    assert (len(told["runs"]), len(told["settings"])) == (8, 4)
    one = setting(told, 1.0, 0.5)
    accuracies = [
        run["accuracy"]
        for run in told["runs"]
        if {key: value for key, value in run["settings"].items() if key != "seed"} == one["settings"]
    ]
    assert one["accuracy"]["mean"] == pytest.approx(statistics.fmean(accuracies))
    assert one["accuracy"]["standard_deviation"] == pytest.approx(statistics.stdev(accuracies))
    assert one["accuracy"]["count"] == one["count"] == one["runs"] == 2


def test_for_each_value_of_the_front_the_best_by_validation_is_chosen(swept):
    told = results(swept)
    assert (told["front"], told["chosen_by"], told["optimistic"]) == (
        "privacy.noise_multiplier",
        "validation_accuracy",
        False,
    )
    chosen = [one for one in told["settings"] if one["chosen"]]
    assert [one["settings"]["privacy.noise_multiplier"] for one in chosen] == [1.0, 4.0]
    for one in chosen:
        noise = one["settings"]["privacy.noise_multiplier"]
        rivals = [setting(told, noise, rate)["validation_accuracy"]["mean"] for rate in (0.01, 0.5)]
        assert one["validation_accuracy"]["mean"] == max(rivals)


def test_tuning_cost_what_all_runs_together_spent(swept):
    told = results(swept)["tuning"]
    each = [run["epsilon"] for run in results(swept)["runs"]]
    assert (told["private_runs"], told["unprotected_runs"], told["delta"]) == (8, 0, 1e-4)
    assert max(each) < told["epsilon"] < sum(each)


def test_what_runs_promise_is_said_once(swept):
    [promised] = results(swept)["guarantees"]
    manifest = next(iter(manifests(swept).values()))
    assert {**manifest["guarantee"], "stamp": manifest["stamp"], "runs": 8} == promised
    page = swept.report.read_text(encoding="utf-8")
    assert page.count("add or remove one record of one client") == 1
    assert promised["stamp"] in page


def test_promises_that_differ_in_delta_alone_are_one_and_unseeded_ones_another():
    base = {"format": 1, "name": "x", "data": {"dataset": "digits"}, "model": "logistic"}
    base["federation"] = {"clients": 4, "rounds": 2}
    private = {"kind": "dp-sgd", "noise_multiplier": 1.0, "delta": 1e-5}
    changes = [private, {**private, "delta": 1e-4}, {**private, "noise_source": "system"}, {"kind": "none"}]
    told = promises_of(Scenario.model_validate({**base, "privacy": one}) for one in changes)
    assert [(one["runs"], one["delta"], one["stamp"] is None) for one in told] == [(2, None, False), (1, 1e-5, True)]


def test_a_second_start_keeps_what_is_finished_and_adds_what_is_new(copied):
    before = {name: manifest["run"] for name, manifest in manifests(copied).items()}
    text = VALIDATED + PRIVATE + GRID.replace("[1.0, 4.0]", "[4.0]")
    again = sweep(copied.path.parent, text, "sweep.seed=[0, 1, 2]")
    after = {name: manifest["run"] for name, manifest in manifests(again).items()}
    assert before.items() <= after.items()
    assert len(after) == len(before) + 2
    assert len(results(again)["runs"]) == 6
    assert results(again)["tuning"]["private_runs"] == 10, "a run that the grid no longer has was spent all the same"


def test_a_point_that_fails_stops_no_other_and_is_told(tmp_path):
    text = SMALL.replace('"logistic"', '"mlp"\nhidden = [64, 64, 64, 64, 64, 64, 64, 64]') + PRIVATE
    grid = '[sweep]\n"training.learning_rate" = [1e7, 0.1]\n"training.batch_size" = [500]\n'
    with pytest.raises(RunFailed, match=r"the model diverged(.|\n)*1 runs failed; the same command tries them again"):
        sweep(tmp_path, text + grid, jobs=1)
    told = json.loads((tmp_path / "sweep" / "results.json").read_text())
    assert [run["status"] for run in told["runs"]] == ["failed", "completed"]
    assert "diverged" in told["runs"][0]["reason"]
    assert told["runs"][0]["accuracy"] is None
    assert [one["chosen"] for one in told["settings"]] == [False, True]


def test_without_a_validation_split_the_choice_is_called_optimistic(tmp_path):
    directory = sweep(tmp_path, SMALL + '[sweep]\n"training.learning_rate" = [0.01, 0.5]\n')
    assert results(directory)["optimistic"] is True
    assert results(directory)["chosen_by"] == "accuracy"


def test_what_was_not_chosen_among_is_not_called_optimistic_and_values_have_their_names(tmp_path, capsys):
    grid = '[sweep]\nmodel = ["logistic", { kind = "mlp", hidden = [4] }]\nfront = "model"\n'
    directory = sweep(tmp_path, SMALL + grid + 'names = { model = ["straight", "bent"] }\n')
    assert results(directory)["optimistic"] is False
    assert [one["chosen"] for one in results(directory)["settings"]] == [False, False]
    told = "\n".join(sweeping.closing_lines(directory.path))
    assert "there was nothing to choose: each setting is the only one of its kind" in told
    assert "*" not in told
    assert "\neb  " in told
    assert [line.split()[1] for line in told.splitlines()[1:3]] == ["straight", "bent"]
    page = directory.report.read_text(encoding="utf-8")
    assert "<li>bent: " in page
    assert "What was chosen" not in page


def test_what_cannot_work_is_refused_before_anything_runs(tmp_path):
    text = SMALL + PRIVATE + '[sweep]\n"privacy.noise_multiplier" = [1.0, -1.0]\n'
    with pytest.raises(ScenarioError, match=r"noise_multiplier: expected a number"):
        sweep(tmp_path, text)
    text = SMALL + '[sweep]\n"data.test_fraction" = [0.2, 0.0001]\n'
    with pytest.raises(ScenarioError, match=r"leaves nothing to test on.*at data\.test_fraction = 0\.0001"):
        sweep(tmp_path, text)
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize("name", ["mine.txt", "runs", "runs/mine.txt"])
def test_a_folder_of_something_else_is_left_alone(tmp_path, name):
    mine = tmp_path / "sweep" / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    before = set((tmp_path / "sweep").rglob("*"))
    with pytest.raises(ScenarioError, match="is no sweep's; choose another"):
        sweep(tmp_path)
    assert set((tmp_path / "sweep").rglob("*")) == before


@pytest.mark.parametrize("command", ["report", "verify", "audit", "resume", "sweep"])
def test_a_directory_in_the_place_of_sweep_json_is_refused_in_plain_words(tmp_path, command):
    (tmp_path / "results" / "sweep.json").mkdir(parents=True)
    words = [write(tmp_path, SMALL + "[sweep]\nseed = [0, 1]\n"), "--out"] if command == "sweep" else []
    told = typed(command, *words, tmp_path / "results")
    assert told.returncode == 2
    said = f"{tmp_path / 'results' / 'sweep.json'}: is a directory, where a file belongs; move it away\n"
    assert (told.stdout, told.stderr) == ("", said)


@pytest.mark.parametrize("name", ["results.json", "report.html"])
def test_a_directory_in_the_place_of_what_a_sweep_writes_is_refused_before_anything_runs(tmp_path, name):
    (tmp_path / "sweep" / name).mkdir(parents=True)
    (tmp_path / "sweep" / "sweep.json").write_text("{}")
    with pytest.raises(ScenarioError, match=rf"{name}: is a directory, where a file belongs"):
        sweep(tmp_path, SMALL + "[sweep]\nseed = [0, 1]\n")
    assert not (tmp_path / "sweep" / "runs").exists()


def test_a_directory_in_the_place_of_results_is_not_called_a_sweep_without_any(tmp_path):
    (tmp_path / "results.json").mkdir()
    (tmp_path / "sweep.json").write_text("{}")
    told = typed("report", tmp_path)
    assert told.returncode == 2
    assert told.stderr == f"{tmp_path / 'results.json'}: is a directory, where a file belongs; move it away\n"


def test_check_prints_the_grid_with_the_planned_epsilon_of_each_point(tmp_path):
    told = typed("check", write(tmp_path, VALIDATED + PRIVATE + GRID))
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()
    assert "sweep over privacy.noise_multiplier (2), training.learning_rate (2), seed (2): 8 runs" in lines
    assert sum("planned epsilon" in line for line in lines) == 8


def test_run_refuses_a_sweep_and_says_what_to_do(tmp_path):
    told = typed("run", write(tmp_path, SMALL + GRID), "--out", tmp_path / "run")
    assert told.returncode == 2
    assert "use fedcrucible sweep, or --set sweep=none" in told.stderr
    assert not (tmp_path / "run").exists()


def test_a_sweep_that_is_stopped_goes_on_where_it_was(tmp_path):
    text = (VALIDATED + PRIVATE + "[sweep]\nseed = [0, 1]\n").replace("rounds = 3", "rounds = 60")
    path = write(tmp_path, text)
    process = begin("sweep", path, "--jobs", 1, "--out", tmp_path / "sweep")
    while not list((tmp_path / "sweep" / "runs").glob("*")) and process.poll() is None:
        time.sleep(0.02)
    [first] = (tmp_path / "sweep" / "runs").iterdir()
    wait_for_rounds(first, 3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "stopped; the same command goes on with it" in said
    assert RunDirectory(first).read_manifest()["status"] == "interrupted"
    played = len(journal.read(RunDirectory(first).journal))
    told = command("resume", tmp_path / "sweep")
    assert told.returncode == 0, told.stderr
    assert f"report: {tmp_path / 'sweep' / 'report.html'}" in told.stdout
    directory = SweepDirectory(tmp_path / "sweep")
    assert {manifest["status"] for manifest in manifests(directory).values()} == {"completed"}
    records = journal.read(RunDirectory(first).journal)
    assert played < len(records)
    alone = running.start(str(path), ["sweep=none", "seed=0"], "local", 1, tmp_path / "alone")
    assert summary(RunDirectory(first))["final_sha256"] == summary(RunDirectory(alone))["final_sha256"]


def test_resume_goes_on_as_the_file_was_and_with_its_overrides(tmp_path, monkeypatch):
    path = sweep(tmp_path, SMALL + "[sweep]\nseed = [0, 1]\n", "federation.rounds=2").path
    before = results(SweepDirectory(path))
    (tmp_path / "scenario.toml").write_text("changed meanwhile")
    shutil.rmtree(path / "runs" / before["runs"][0]["name"])
    told = json.loads((path / "sweep.json").read_text())
    monkeypatch.chdir(tmp_path)
    sweeping.resume(path)
    assert json.loads((path / "sweep.json").read_text()) == told, "wherever it is resumed"
    figures = [(run["name"], run["accuracy"]) for run in before["runs"]]
    assert [(run["name"], run["accuracy"]) for run in results(SweepDirectory(path))["runs"]] == figures


def test_a_run_that_was_edited_is_not_taken_over(tmp_path):
    path = sweep(tmp_path, SMALL + "[sweep]\nseed = [0, 1]\n", "federation.rounds=2").path
    name = results(SweepDirectory(path))["runs"][0]["name"]
    edited = path / "runs" / name / "summary.json"
    kept = json.dumps({**json.loads(edited.read_text()), "accuracy": 0.999})
    edited.write_text(kept)
    with pytest.raises(
        RunFailed, match=rf"{name}: summary.json: accuracy is not that of the journal; move .*{name} away"
    ):
        sweeping.resume(path)
    first, second = results(SweepDirectory(path))["runs"]
    assert (first["status"], first["accuracy"], second["status"]) == ("failed", None, "completed")
    assert edited.read_text() == kept


def test_a_sweep_that_does_not_say_how_to_go_on_names_the_command(tmp_path):
    (tmp_path / "sweep.json").write_text('{"scenario_text": "format = 1"}')
    with pytest.raises(ScenarioError, match=r"does not say how to go on; fedcrucible sweep FILE --out"):
        sweeping.resume(tmp_path)


def test_a_front_has_those_that_no_other_beats_and_a_thousandth_of_epsilon_is_no_difference():
    accuracies, epsilons = [0.85, 0.88, 0.87, 0.93, 0.96, 0.95], [0.999, 1.0, 3.0, 8.0, None, None]
    assert on_front(accuracies, epsilons) == [False, True, False, True, True, False]
    assert on_front([None, 0.5], [1.0, 2.0]) == [False, True]
