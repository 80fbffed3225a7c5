"""The audit `gradient-inversion` on small real runs: what it says, shows, refuses, and that it says it again."""

import hashlib

import numpy as np
import pytest

from privacy.errors import ScenarioError
from runs import ENCRYPTED, PRIVATE, SMALL, play, summary
from scenarios.audits import GradientInversion, fitting
from scenarios.source import read
from server.rounds import planning
from server.run_directory import journal
from simulation import auditing
from simulation.auditing.replay import first_round

AUDIT = ['audit=["gradient-inversion"]']
ONE_EACH = SMALL.replace("[model]", "test_fraction = 0.9978\n[model]").replace("rounds = 3", "rounds = 1")
MLP = ONE_EACH.replace('kind = "logistic"', 'kind = "mlp"')


def test_a_single_record_s_update_is_the_record(tmp_path):
    directory = play(tmp_path, MLP)
    [found] = auditing.audit(directory.path, AUDIT)
    assert (found.value, found.low, found.high) == (100.0, None, None)
    assert found.facts["psnr_of_strangers"] < 20.0
    assert [one["records_recognised"] for one in found.facts["attacked"]] == [1] * 4
    assert found.facts["as_in_the_run"] is True
    assert [(one["records"], one["steps"], one["labels_found"]) for one in found.facts["attacked"]] == [(1, 1, 1.0)] * 4
    assert "4 of 4 records come out at 20 dB or more" in found.statement
    assert found.facts["psnr_of_a_blind_guess"] < 20.0
    assert len(found.facts["pictures"]) == 4
    for picture in found.facts["pictures"]:
        assert np.abs(np.subtract(picture["true"], picture["rebuilt"])).max() <= 1
        assert np.shape(picture["true"]) == (8, 8)
    assert (found.seed, found.made_by) == (3, "privacy.audits.inversion.read_off")


def test_several_passes_over_one_record_hide_nothing(tmp_path):
    [found] = auditing.audit(play(tmp_path, MLP, "training.epochs=5", "training.momentum=0.9").path, AUDIT)
    assert found.facts["attacked"][0]["steps"] == 5
    assert found.value > 80.0


def test_under_encryption_there_is_nothing_to_invert_but_the_sum(tmp_path):
    directory = play(tmp_path, MLP + ENCRYPTED)
    nothing, of_the_sum = auditing.audit(directory.path, AUDIT)
    assert nothing.statement.startswith("Nothing to invert: of the 4 updates of round 1 the server saw none by itself")
    assert nothing.value == 0.0
    assert "pictures" not in nothing.facts
    [attacked] = of_the_sum.facts["attacked"]
    assert (attacked["of"], attacked["records"]) == ("4 clients", 4)
    assert (of_the_sum.low, of_the_sum.confidence) == (None, None)
    assert of_the_sum.facts["as_in_the_run"] is True


def test_noise_leaves_no_likeness(tmp_path):
    directory = play(tmp_path, MLP + PRIVATE)
    [found] = auditing.audit(directory.path, AUDIT)
    assert found.value < 12.0
    assert "under DP-SGD's clipping and noise" in found.statement
    assert found.facts["as_in_the_run"] is True


def test_noise_of_the_operating_system_is_said_to_be_another(tmp_path):
    directory = play(tmp_path, MLP + PRIVATE + 'noise_source = "system"\n')
    [found] = auditing.audit(directory.path, AUDIT)
    assert found.facts["as_in_the_run"] is False


@pytest.mark.parametrize("more", ["", PRIVATE, ENCRYPTED])
def test_the_round_played_again_is_that_of_the_run(tmp_path, more):
    directory = play(tmp_path, SMALL + more)
    first = next(line for line in journal.read(directory.journal) if line["kind"] == "round")
    again = first_round(directory.read_scenario())
    assert hashlib.sha256(again.model).hexdigest() == first["model_sha256"]
    assert (again.view.updates is None) == bool(more == ENCRYPTED)


def test_steps_that_a_budget_cut_are_not_counted(tmp_path):
    budget = 'budget = { epsilon = 1.5, on_exhausted = "retire-client" }\n'
    scenario = play(tmp_path, SMALL + PRIVATE + budget, "training.epochs=20").read_scenario()
    outlook = planning.outlook_of(scenario)
    planned = {client: work.steps for client, work in outlook.cohort(1, "train").items()}
    taken = first_round(scenario).steps
    told = next(line for line in journal.read(tmp_path / "run" / "journal.jsonl") if line["kind"] == "round")
    assert taken == {int(client): report["ledger"][0]["steps"] for client, report in told["reports"].items()}
    assert all(0 < taken[client] < planned[client] for client in planned)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
def test_twice_finds_the_same(tmp_path, model):
    directory = play(tmp_path, ONE_EACH, f"model.kind={model}")
    asked = ['audit=[{ kind = "gradient-inversion", clients = 2, steps = 30 }]']
    auditing.audit(directory.path, asked)
    once = directory.findings.read_bytes(), directory.summary.read_bytes()
    auditing.audit(directory.path, asked)
    assert (directory.findings.read_bytes(), directory.summary.read_bytes()) == once


def test_a_convolutional_model_is_searched(tmp_path):
    directory = play(tmp_path, ONE_EACH.replace("digits", "mnist5k"), "data.test_fraction=0.9992", "model.kind=cnn")
    [found] = auditing.audit(directory.path, ['audit=[{ kind = "gradient-inversion", clients = 1 }]'])
    assert found.made_by == "privacy.audits.inversion.matched"
    assert (found.low, found.high, found.confidence) == (None, None, None)
    assert found.value > 20.0


def test_many_records_and_steps_are_attacked_and_no_likeness_is_claimed(tmp_path):
    directory = play(tmp_path, SMALL)
    [found] = auditing.audit(directory.path, AUDIT)
    assert "4 clients, each 359 to 360 records in 6 steps" in found.statement
    assert len(summary(directory)["findings"][0]["facts"]["pictures"]) == 4


def test_the_records_of_a_table_come_out_too_and_are_not_shown(tmp_path):
    text = ONE_EACH.replace('"digits"', '"heart-disease"').replace("0.9978", "0.9957")
    [found] = auditing.audit(play(tmp_path, text).path, AUDIT)
    assert found.value > 80.0
    assert found.facts["pictures"] == []
    assert found.facts["attacked"][0]["ssim"] is None


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["model.kind=hog"], "'hog' trains on fixed features and never on records"),
        (["learner.kind=additive-statistics"], "clients send no gradients under learner.kind = 'additive-statistics'"),
    ],
)
def test_what_sends_no_gradients_of_records_is_refused(tmp_path, overrides, reason):
    directory = play(tmp_path, SMALL.replace("rounds = 3", "rounds = 1"), *overrides)
    with pytest.raises(ScenarioError, match=reason):
        auditing.audit(directory.path, AUDIT)


def test_a_round_without_updates_is_refused(tmp_path):
    directory = play(tmp_path, SMALL, "federation.quorum=1", 'federation.sampling={ kind = "poisson", rate = 0.001 }')
    with pytest.raises(ScenarioError, match="no update came in in round 1"):
        auditing.audit(directory.path, AUDIT)


def test_it_is_among_the_audits_that_fit_models_of_records():
    names = {True: "mlp", False: "hog"}
    for fits, name in names.items():
        scenario = read("read-my-picture", [f"model.kind={name}", "audit=[]"] + ["model.hidden=[64]"] * fits).scenario
        assert any(isinstance(one, GradientInversion) for one in fitting(scenario)) == fits
