import io
import json
import shutil
import signal
import subprocess
import sys
import types
from importlib.metadata import version

import dp_accounting
import numpy as np
import pytest
from dp_accounting.rdp import RdpAccountant
from safetensors.numpy import load_file

from privacy import accounting, fixed_point, ledger
from privacy.errors import RunFailed, ScenarioError
from runs import ENCRYPTED, PRIVATE, SMALL, begin, command, play, summary, typed, wait_for_rounds, write
from scenarios.schema import sha256
from server.run_directory import journal
from server.run_directory.files import RunDirectory
from simulation import progress, running, verify
from simulation.__main__ import main

CONTRACT = {
    "status", "scenario_sha256", "seed", "engine", "rounds", "accuracy", "loss", "average_accuracy", "forgetting",
    "backward_transfer", "epsilon", "sent_bytes", "received_bytes", "wall_seconds", "train_seconds", "final_sha256",
    "stamp", "findings", "backdoor_success", "validation_accuracy", "majority",
}  # fmt: skip


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    return play(tmp_path_factory.mktemp("private"), SMALL + PRIVATE + ENCRYPTED)


@pytest.fixture(scope="module")
def small_private(tmp_path_factory):
    """A finished private run, not to be changed."""
    return play(tmp_path_factory.mktemp("small"), SMALL + PRIVATE).path


def rows_of(directory):
    reports = [record["reports"] for record in journal.read(directory.journal) if record["kind"] == "round"]
    return {client: report["ledger"] for client, report in reports[-1].items()}


def test_a_private_encrypted_run_leaves_all_that_is_promised(private):
    figures = summary(private)
    assert set(figures) == CONTRACT
    assert (figures["status"], figures["rounds"]) == ("completed", 3)
    assert figures["accuracy"] > 0.5
    assert figures["stamp"].startswith("reproducible: not private")
    assert set(figures["epsilon"]["per_client"]) == {"0", "1", "2", "3"}
    assert "small" in private.report.read_text(encoding="utf-8")
    assert verify.problems(private.path) == []


def test_epsilon_is_what_googles_accountant_says_of_the_rows(private):
    figures = summary(private)
    for client, rows in rows_of(private).items():
        accountant = RdpAccountant()
        for row in rows:
            gaussian = dp_accounting.GaussianDpEvent(row["noise_multiplier"])
            accountant.compose(dp_accounting.PoissonSampledDpEvent(row["sampling_rate"], gaussian), row["steps"])
        stated = figures["epsilon"]["per_client"][client]["max"]
        assert stated == pytest.approx(accountant.get_epsilon(1e-4), rel=0.01)


def test_no_single_update_is_seen_under_encryption(private):
    rounds = [record for record in journal.read(private.journal) if record["kind"] == "round"]
    assert not any(record["seen"]["updates"] for record in rounds)


def test_the_encrypted_model_is_the_plain_one_within_the_quantisation_bound(tmp_path):
    plain = play(tmp_path, SMALL, "federation.rounds=1", out="plain")
    encrypted = play(tmp_path, SMALL + ENCRYPTED, "federation.rounds=1", out="encrypted")
    one, other = load_file(plain.model), load_file(encrypted.model)
    difference = max(float(np.abs(one[name] - other[name]).max()) for name in one)
    assert 0 < difference <= fixed_point.error_bound(4, 1.0) + 1e-7  # and float32's own rounding


def test_the_same_seed_gives_the_same_bits_with_any_number_of_workers(private, tmp_path):
    again = play(tmp_path, SMALL + PRIVATE + ENCRYPTED, workers=2)
    other = play(tmp_path, SMALL + PRIVATE + ENCRYPTED, "seed=4", out="other")
    assert summary(again)["final_sha256"] == summary(private)["final_sha256"]
    assert summary(other)["final_sha256"] != summary(private)["final_sha256"]


def test_chunks_of_a_round_give_the_same_bits_on_any_worker(tmp_path):
    # 304,138 parameters: six clients or so fill a chunk, so twelve are several.
    wide = ('model={kind="mlp",hidden=[4096]}', "federation.clients=12", "federation.rounds=2")
    shas = {workers: play(tmp_path, SMALL + PRIVATE, *wide, out=f"{workers}", workers=workers) for workers in (1, 2, 3)}
    assert len({summary(directory)["final_sha256"] for directory in shas.values()}) == 1


def test_a_diverging_run_fails_and_says_why(tmp_path):
    overrides = ("training.learning_rate=1e38", "model=mlp", "training.epochs=3")
    with pytest.raises(RunFailed, match="below the quorum"):
        play(tmp_path, SMALL, *overrides)
    directory = RunDirectory(tmp_path / "run")
    assert directory.read_manifest()["status"] == "failed"
    assert "NaN or infinity" in directory.read_manifest()["reason"]
    assert summary(directory)["final_sha256"] is None
    assert "below the quorum" in directory.report.read_text(encoding="utf-8")
    assert verify.problems(directory.path) == []


def test_a_failed_run_can_be_resumed_and_its_journal_stays_whole(tmp_path):
    with pytest.raises(RunFailed):
        play(tmp_path, SMALL, "training.learning_rate=1e38", "model=mlp", "training.epochs=3")
    with pytest.raises(RunFailed):
        running.resume(tmp_path / "run", 1)
    assert verify.problems(tmp_path / "run") == []


def test_the_manifest_names_clients_by_the_key_they_are_divided_by(tmp_path):
    rows = [f"{i / 40},{i % 2},{'pq'[i % 2]},{('June', 'July', 'May')[i // 2 % 3]}" for i in range(60)]
    (tmp_path / "wards.csv").write_text("\n".join(["x,ill,ward,month", *rows]), encoding="utf-8")
    data = 'dataset = { kind = "file", path = "wards.csv", label = "ill", group = "ward", keys = ["month"] }'
    text = SMALL.replace('dataset = "digits"', f'{data}\npartition = {{ kind = "natural", by = "month" }}')

    directory = play(tmp_path, text, "federation.clients=3", "federation.rounds=1")

    clients = json.loads(directory.manifest.read_text(encoding="utf-8"))["clients"]
    assert [clients[client]["name"] for client in "012"] == ["July", "June", "May"]


def test_budgets_retire_clients_and_the_others_go_on(tmp_path):
    text = SMALL.replace("quorum = 2", "quorum = 1") + PRIVATE
    directory = play(tmp_path, text, 'data.partition={kind="quantity",alpha=1.0}', "privacy.budget.epsilon=2.5")
    last = [record for record in journal.read(directory.journal) if record["kind"] == "round"][-1]
    statuses = {report["status"] for report in last["reports"].values()}
    assert statuses == {"trained", "retired"}
    assert summary(directory)["epsilon"]["max"] <= 2.5


def test_epsilon_of_a_round_is_told_with_its_own_accountant(tmp_path):
    directory = play(tmp_path, SMALL + PRIVATE, "privacy.accountant=prv", "federation.rounds=1")
    [played] = [record for record in journal.read(directory.journal) if record["kind"] == "round"]
    assert played["accountant"] == "rdp"
    whole = summary(directory)["epsilon"]
    for client, report in played["reports"].items():
        rows = ledger.from_rows(report["ledger"])
        assert played["epsilon"][client] == accounting.epsilon(rows, 1e-4) > whole["per_client"][client]["max"]
    said = f"epsilon {whole['max']:.3f} by PRV (in rounds by Renyi) at delta 0.0001"
    assert said in running.closing_lines(directory.path)[0]


def test_a_poisson_round_for_which_nobody_is_drawn_passes(tmp_path):
    sampling = 'federation.sampling={kind="poisson",rate=0.2}'
    directory = play(tmp_path, SMALL.replace("quorum = 2", "quorum = 1"), sampling, "federation.rounds=8")
    cohorts = [record["cohort"] for record in journal.read(directory.journal) if record["kind"] == "round"]
    assert [] in cohorts
    assert any(cohorts)


def test_a_cohort_below_the_quorum_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(ScenarioError, match=r"round \d+ draws 1 client, and 2 are needed"):
        play(tmp_path, SMALL, 'federation.sampling={kind="poisson",rate=0.2}', "federation.rounds=30")
    assert not (tmp_path / "run").exists()


def test_nothing_is_ever_overwritten(private):
    with pytest.raises(ScenarioError, match="exists already"):
        running.start("quickstart", [], "local", 1, private.path)


def test_a_complete_run_cannot_be_resumed(private):
    with pytest.raises(ScenarioError, match="complete"):
        running.resume(private.path)


def test_a_run_that_is_being_played_is_locked(private):
    with private.locked(), pytest.raises(ScenarioError, match="another process"), private.locked():
        pass


def test_system_noise_charges_the_attempt_that_was_interrupted(tmp_path):
    text = SMALL + PRIVATE.replace("kind", 'noise_source = "system"\nkind')
    whole = play(tmp_path, text, out="whole")
    assert summary(whole)["stamp"] is None
    path = write(tmp_path, text)
    process = begin("run", path, "--out", tmp_path / "cut", "--workers", 1, "--set", "federation.rounds=200")
    wait_for_rounds(tmp_path / "cut", 2)
    process.kill()
    process.wait()
    running.resume(tmp_path / "cut", 1)
    once = next(iter(rows_of(whole).values()))[0]["steps"] // 3
    assert {rows[0]["steps"] for rows in rows_of(RunDirectory(tmp_path / "cut")).values()} == {once * (200 + 1)}


def test_ctrl_c_leaves_a_directory_that_resumes_to_the_same_bits(tmp_path):
    whole = play(tmp_path, SMALL, "federation.rounds=200", out="whole")
    arguments = ("--workers", 1, "--set", "federation.rounds=200", "--out", tmp_path / "cut")
    process = begin("run", tmp_path / "scenario.toml", *arguments)
    wait_for_rounds(tmp_path / "cut", 1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate()
    assert process.returncode == 1
    assert "fedcrucible resume" in told
    assert "Traceback" not in told
    assert RunDirectory(tmp_path / "cut").read_manifest()["status"] == "interrupted"
    running.resume(tmp_path / "cut", 1)
    assert summary(RunDirectory(tmp_path / "cut"))["final_sha256"] == summary(whole)["final_sha256"]
    assert verify.problems(tmp_path / "cut") == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "nowhere"], "is no scenario of the library"),
        (["run", "missing.toml"], "missing.toml: No such file"),
        (["run", "quickstart", "--set", "model.kind=cn"], "did you mean 'cnn'"),
        (["run", "quickstart", "--engine", "ray"], "valid are local, flower"),
        (["run", "quickstart", "--out", "/proc/nothing"], "--out /proc/nothing"),
        (["run", "quickstart", "--set", "model=cnn", "--set", "data.dataset=heart-disease"], "needs images"),
        (["check", "quickstart", "--set", "federation.clients=5000", "--set", "protection=none"], "cannot share"),
        (["check", "quickstart", "--set", "federation.clients=5000"], "homomorphic sums are exact for 4096 clients"),
        (
            ["check", "quickstart", "--set", "privacy.epsilon=0.0001"],
            "privacy.epsilon: epsilon 0.0001 cannot be reached",
        ),
        (["verify", "nowhere"], "nowhere: not a readable run directory: there is no manifest.json in it"),
        (["audit", "nowhere"], "nowhere: not a readable run directory: there is no manifest.json in it"),
        (["resume", "nowhere"], "nowhere: not a run directory that can be resumed: there is no manifest.json in it"),
        (["report", "nowhere"], "nowhere"),
        (["run", "x" * 300], "is no scenario of the library"),
        (["run", "quickstart", "--out", "x" * 300], "x: File name too long"),
        (["verify", "x" * 300], "x: not a readable run directory: manifest.json: File name too long"),
        (["audit", "x" * 300], "x: not a readable run directory: manifest.json: File name too long"),
        (["resume", "x" * 300], "x: not a run directory that can be resumed: manifest.json: File name too long"),
        (["report", "x" * 300], "x: not a run directory"),
        (["check", "quickstart", "--set", f"data.dataset={{ kind = 'file', path = '{'x' * 300}.csv' }}"], "is no file"),
        (["check", "quickstart", "--set", 'data.dataset={ kind = "file", path = "\\u0000.npz" }'], "there is no file"),
        (["frobnicate"], "No such command"),
        (["run", "quickstart", "--workers", "0"], "--workers"),
        (["run", "quickstart", "--out", ""], "Invalid value for '--out': the name is empty"),
        (["sweep", "privacy-accuracy-frontier", "--out", ""], "Invalid value for '--out': the name is empty"),
        (["report", ""], "the name is empty"),
        (["report", "nowhere", "-o", ""], "the name is empty"),
        (["verify", ""], "the name is empty"),
        (["resume", ""], "the name is empty"),
        (["audit", ""], "the name is empty"),
    ],
)
def test_a_wrong_command_line_is_told_in_a_line_or_two(arguments, told, tmp_path):
    result = typed(*arguments, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert told in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_is_misspelt_is_guessed_once():
    assert typed("rnu").stderr.count("Did you mean") == 1


def test_a_dry_run_plans_epsilon_and_bytes_without_training(tmp_path):
    result = command("check", write(tmp_path, SMALL + PRIVATE + ENCRYPTED))
    assert result.returncode == 0
    assert "planned epsilon" in result.stdout
    assert "round 3: clients 0 1 2 3; 0.26 MB up" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["scenario.toml"]


def test_the_library_is_listed_with_its_questions():
    result = command("list")
    assert len(result.stdout.splitlines()) >= 5
    assert "quickstart" in result.stdout
    assert all(line.endswith("?") for line in result.stdout.splitlines())


def test_ctrl_c_while_the_command_line_is_still_imported_is_told_in_a_word(monkeypatch, capsys):
    def interrupted(name):
        raise KeyboardInterrupt

    unread = types.ModuleType("simulation.cli")
    unread.__getattr__ = interrupted
    monkeypatch.setitem(sys.modules, "simulation.cli", unread)
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().err) == (1, "stopped\n")


def test_h_is_short_for_help():
    assert typed("-h").stdout == typed("--help").stdout
    assert typed("run", "-h").stdout == typed("run", "--help").stdout
    assert "-h, --help" in typed("-h").stdout


def test_help_and_check_import_nothing_heavy():
    program = (
        "import sys; import simulation.cli; from simulation.dry_run.checking import describe; "
        "list(describe('quickstart', []));"
        "print([name for name in ('torch', 'flwr', 'opacus', 'tenseal', 'altair', 'ray') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_are_told_without_anything_heavy(option):
    program = (
        "import atexit, sys; from simulation import cli;"
        "atexit.register(lambda: print(sorted({'torch', 'flwr', 'altair', 'scenarios'} & set(sys.modules))));"
        f"sys.argv = ['fedcrucible', '{option}']; cli.main()"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    *told, imported = result.stdout.splitlines()
    first = f"fedcrucible {version('fedcrucible')}" if option == "--version" else "Usage: fedcrucible [OPTIONS]"
    assert told[0].startswith(first)
    assert imported == "[]"


def test_verify_finds_an_edited_journal_model_and_summary(tmp_path):
    directory = play(tmp_path, SMALL + PRIVATE)
    lines = directory.journal.read_text().splitlines(keepends=True)
    directory.journal.write_text("".join(lines).replace('"accuracy":0.', '"accuracy":1.', 1))
    assert typed("verify", directory.path).returncode == 1
    directory.journal.write_text("".join(lines[:-1]))
    assert any("the end is missing" in problem for problem in verify.problems(directory.path))
    directory.journal.write_text("".join([*lines[:2], lines[3], lines[2], *lines[4:]]))
    assert any("does not follow" in problem for problem in verify.problems(directory.path))
    directory.journal.write_text("".join(lines))
    figures = summary(directory)
    figures["epsilon"]["per_client"]["1"]["max"] /= 2
    directory.summary.write_text(json.dumps(figures))
    assert any("client 1 is said to have spent" in problem for problem in verify.problems(directory.path))
    content = bytearray(directory.model.read_bytes())
    content[-1] ^= 1
    directory.model.write_bytes(content)
    assert any("model.safetensors" in problem for problem in verify.problems(directory.path))


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("summary.json", {"accuracy": 0.999}, "summary.json: accuracy is not that of the journal"),
        ("summary.json", {"accuracy": None}, "summary.json: accuracy is not that of the journal"),
        ("summary.json", {"sent_bytes": 1}, "summary.json: sent_bytes is not that of the journal"),
        ("summary.json", {"seed": 8}, "summary.json: seed is not that of manifest.json"),
        ("summary.json", {"stamp": None}, "summary.json: stamp is not that of manifest.json"),
        ("manifest.json", {"seed": 8}, "manifest.json: seed is not that of its scenario"),
        ("manifest.json", {"question": "Why?"}, "manifest.json: question is not that of its scenario"),
    ],
)
def test_verify_finds_what_is_said_otherwise_elsewhere(tmp_path, small_private, file, changes, told):
    shutil.copytree(small_private, tmp_path / "run")
    assert verify.problems(tmp_path / "run") == []
    path = tmp_path / "run" / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    assert told in verify.problems(tmp_path / "run")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "summary.json is not JSON: Expecting property name enclosed in double quotes in line 1"),
        (b'{"a": "\xff"}', "summary.json is not UTF-8 text"),
        (b"[" * 100_000, "summary.json is nested too deeply"),
        (b"3", "summary.json is not a table"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, small_private, content, told):
    shutil.copytree(small_private, tmp_path / "run")
    (tmp_path / "run" / "summary.json").write_bytes(content)
    with pytest.raises(ScenarioError, match=f"not a readable run directory: {told}"):
        verify.examine(tmp_path / "run")


def test_verify_finds_another_scenario_with_a_hash_of_its_own(tmp_path, small_private):
    shutil.copytree(small_private, tmp_path / "run")
    directory = RunDirectory(tmp_path / "run")
    scenario = directory.read_scenario()
    other = scenario.model_copy(update={"training": scenario.training.model_copy(update={"learning_rate": 0.123})})
    directory.update_manifest(scenario=other.model_dump(mode="json"), scenario_sha256=sha256(other))
    said = "journal.jsonl: scenario_sha256 is not that of manifest.json"
    assert said in verify.problems(directory.path)


def test_a_round_that_diverges_is_charged(tmp_path):
    # One step of a large rate leaves finite weights of a thousand; nine layers of them give scores beyond float32.
    text = (SMALL + PRIVATE).replace('kind = "logistic"', 'kind = "mlp"\nhidden = [64, 64, 64, 64, 64, 64, 64, 64]')
    with pytest.raises(RunFailed, match=r"round \d+: the model diverged"):
        play(tmp_path, text, "training.learning_rate=1e7", "training.batch_size=500")
    records = journal.read(tmp_path / "run" / "journal.jsonl")
    assert records[-1]["kind"] == "round-failed"
    assert all(report["ledger"][0]["steps"] > 0 for report in records[-1]["reports"].values())
    assert summary(RunDirectory(tmp_path / "run"))["epsilon"]["max"] > 0


def test_a_validation_split_is_scored_every_round(tmp_path):
    directory = play(tmp_path, SMALL, "data.validation_fraction=0.2")
    scored = [record["validation_accuracy"] for record in journal.read(directory.journal) if "accuracy" in record]
    assert len(scored) == 4  # of the model that nobody trained, and after each of three rounds
    assert summary(directory)["validation_accuracy"] == scored[-1] > 0.5


def test_a_run_whose_journal_was_changed_is_not_resumed(tmp_path):
    with pytest.raises(RunFailed):
        play(tmp_path, SMALL, "training.learning_rate=1e38", "model=mlp", "training.epochs=3")
    directory = RunDirectory(tmp_path / "run")
    first, *others = directory.journal.read_text(encoding="utf-8").splitlines(keepends=True)
    directory.journal.write_text(first.replace('"kind"', '"Kind"', 1) + "".join(others), encoding="utf-8")
    before = directory.manifest.read_bytes()
    with pytest.raises(ScenarioError, match=r"line 1 was edited.*never be verified"):
        running.resume(directory.path, 1)
    assert directory.manifest.read_bytes() == before


def test_progress_survives_a_line_that_is_taken_back(tmp_path):
    path, output = tmp_path / "journal.jsonl", io.StringIO()
    path.write_text('{"kind": "other"}\n{"kind": "round", "half', encoding="utf-8")
    follower = progress.Progress(path, 3, output)
    path.write_text('{"kind": "other"}\n', encoding="utf-8")
    follower._show_new()
    with path.open("a", encoding="utf-8") as file:
        file.write(
            'of a line"}\n{"kind": "round", "round": 1, "accuracy": 0.5, "loss": 1.0, "reports": {}, "cohort": []'
        )
        file.write(', "sent_bytes": 0, "received_bytes": 0, "seconds": 0.1}\n')
    follower._show_new()
    assert "round 1/3" in output.getvalue()


def test_progress_tells_events_before_the_round_they_are_in(tmp_path):
    path, output = tmp_path / "journal.jsonl", io.StringIO()
    follower = progress.Progress(path, 200, output)
    figures = {"kind": "round", "accuracy": 0.5, "loss": 1.0, "reports": {}, "cohort": [], "seconds": 0.1}
    rounds = [{"round": 9}, {"round": 13, "events": ["client 3 leaves", "unlearning everything"], "restarts_from": 4}]
    rounds += [{"round": 14, "restarts_from": 0}, {"round": 20, "events": [f"event {one}" for one in range(150)]}]
    lines = [json.dumps({**figures, "sent_bytes": 0, "received_bytes": 0, **one}) for one in rounds]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    follower._show_new()
    told = output.getvalue().splitlines()
    assert told[:4] == [
        "round 13: client 3 leaves",
        "round 13: unlearning everything",
        "round 13: the model is again that of round 4",
        "round 14: the model is again the one nobody trained",
    ]
    # No more than a hundred, so that no long run drowns in them.
    assert told[-2:-1] == ["round 20: event 95"]
    assert told[-1].startswith("round  20/200")
