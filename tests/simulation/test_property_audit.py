"""What single updates give away of a client as a whole, with noise for records and without."""

import numpy as np
import pytest

from clients import training
from privacy.errors import ScenarioError
from runs import ENCRYPTED, PRIVATE, SMALL, play, typed
from scenarios.records import records_of
from server.run_directory.files import RunDirectory
from simulation import auditing, running, verify
from simulation.auditing import shadow_clients
from simulation.auditing.shadows import first_jobs

ASKED = ['audit=["property-inference"]']
ONE_ROUND = SMALL.replace("rounds = 3", "rounds = 1")
UNLIKE = ONE_ROUND.replace('"digits"', '"digits"\npartition = { kind = "dirichlet", alpha = 0.3 }')
AT_8 = '[privacy]\nkind = "dp-sgd"\nepsilon = 8.0\ndelta = 1e-4\n'
RECORD_NOT_CLIENT = "protects a record, not what holds of the client as a whole"


def asked(**keys):
    listed = ", ".join(f"{key} = {value}" for key, value in {"kind": '"property-inference"', **keys}.items())
    return [f"audit=[{{ {listed} }}]"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return play(tmp_path_factory.mktemp("plain"), ONE_ROUND)


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    return play(tmp_path_factory.mktemp("private"), UNLIKE + AT_8)


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    return play(tmp_path_factory.mktemp("encrypted"), ONE_ROUND + ENCRYPTED)


def test_an_update_tells_how_much_of_a_clients_data_is_of_a_class(plain):
    update, own = auditing.audit(plain.path, ASKED)
    assert update.value >= 0.95
    assert update.low > 0.9
    assert RECORD_NOT_CLIENT not in update.statement
    assert "Nothing in this run prevents it" in update.statement
    assert len(own.facts["true"]) == 4
    assert own.value < 0.05


def test_noise_for_records_does_not_hide_it_and_the_finding_says_why(private):
    update, own = auditing.audit(private.path, ASKED)
    assert update.value >= 0.95
    assert RECORD_NOT_CLIENT in update.statement
    assert own.value < 0.1
    assert not update.contradiction
    assert not own.contradiction


def test_where_no_update_is_seen_the_sum_tells_of_the_cohort_and_little_of_one_client(plain, encrypted):
    [found] = auditing.audit(encrypted.path, ASKED)
    seen, _ = auditing.audit(plain.path, ASKED)
    assert "no single update is in the server's view" in found.statement
    assert found.facts["rank_correlation_with_the_cohort"] > 0.7
    assert 0.5 < found.value < 0.85 < seen.value
    assert (found.low, found.contradiction) == (None, False)


def test_fewer_shadows_than_cohorts_need_leave_the_sum_untried(tmp_path):
    text = ONE_ROUND.replace("clients = 4", "clients = 12") + ENCRYPTED
    [found] = auditing.audit(play(tmp_path, text).path, asked(shadows=20))
    assert found.value is None
    assert "at least twice as many shadows as clients" in found.statement


def test_twice_finds_the_same(private):
    found = auditing.audit(private.path, ASKED)
    assert auditing.audit(private.path, ASKED) == found


def test_another_class_is_another_question(plain):
    update, own = auditing.audit(plain.path, asked(label='"3"', shadows=40))
    labels = records_of(plain.read_scenario()).dataset.labels
    jobs = first_jobs(plain.read_scenario())
    assert "class '3'" in update.statement
    assert own.facts["true"] == [float((labels[job.records] == 3).mean()) for job in jobs.values()]


def test_only_those_of_the_first_cohort_are_looked_at(tmp_path):
    text = ONE_ROUND.replace("quorum = 2", 'quorum = 1\nsampling = { kind = "fixed", count = 2 }')
    _, own = auditing.audit(play(tmp_path, text).path, asked(shadows=20))
    assert len(own.facts["clients"]) == 2


@pytest.mark.parametrize("privacy", ["", PRIVATE])
def test_the_updates_made_again_are_those_of_the_run(privacy, tmp_path):
    directory = play(tmp_path, ONE_ROUND + privacy)
    jobs = list(first_jobs(directory.read_scenario()).values())
    mean = np.average(training.train(jobs), axis=0, weights=[len(job.records) for job in jobs])
    assert jobs[0].start + mean == pytest.approx(verify.released_model(directory), abs=1e-6)


def test_it_learns_from_held_out_records_and_is_tried_on_others_in_exact_shares(private, monkeypatch):
    calls = []
    train = training.train
    monkeypatch.setattr(shadow_clients.training, "train", lambda jobs: calls.append(jobs) or train(jobs))
    auditing.audit(private.path, asked(shadows=20))
    records, sizes = records_of(private.read_scenario()), [len(one.records) for one in calls[2]]
    sources = records.division.test, np.concatenate(records.division.train)
    for jobs, source, noisy in zip(calls, sources, (False, True), strict=False):
        assert [len(job.records) for job in jobs] == sizes * 5
        assert all(np.isin(job.records, source).all() for job in jobs)
        assert all((job.private.noise_multiplier > 0.1) == noisy for job in jobs)
        counts = [int((records.dataset.labels[job.records] == 0).sum()) for job in jobs]
        for client, size in enumerate(sizes):
            assert set(counts[client::4]) == {round(0.1 * size), round(0.4 * size)}


def test_a_class_that_there_is_not_is_refused_with_those_there_are(plain):
    with pytest.raises(ScenarioError, match="label: the data have no class 'cat'; they have '0', '1', "):
        auditing.audit(plain.path, asked(label='"cat"'))


def test_shares_that_are_the_same_number_of_records_are_refused(plain):
    with pytest.raises(ScenarioError, match="set them further apart"):
        auditing.audit(plain.path, asked(shares="[0.1, 0.1001]"))


def test_shares_must_rise(plain):
    with pytest.raises(ScenarioError, match="shares must rise"):
        auditing.audit(plain.path, asked(shares="[0.4, 0.1]"))


def test_updates_that_would_fill_memory_are_refused(plain, monkeypatch):
    monkeypatch.setattr(shadow_clients, "MOST_VALUES", 100_000)
    with pytest.raises(ScenarioError, match="would fill memory; lower shadows"):
        auditing.audit(plain.path, ASKED)


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        ('[stream]\nkind = "data-incremental"\nexperiences = 2\nrounds_per_experience = 1\n', "over a timeline"),
        ('[[event]]\nkind = "leave"\nat = 2\nclients = [3]\n', "over a timeline"),
        ('[learner]\nkind = "fedprox"\n', "a shadow does not learn by 'fedprox'"),
    ],
)
def test_runs_that_no_shadow_is_like_are_refused(added, reason, tmp_path):
    with pytest.raises(ScenarioError, match=reason):
        play(tmp_path, SMALL + added + '[[audit]]\nkind = "property-inference"\n')


@pytest.mark.slow
@pytest.mark.parametrize(
    ("epsilon", "least", "most"), [(None, 0.95, 1.0), (8, 0.95, 1.0), (1, 0.6, 0.85)], ids=["no DP", "8", "1"]
)
def test_record_level_privacy_at_8_does_not_hide_a_property(epsilon, least, most, tmp_path):
    private = ["privacy.kind=dp-sgd", f"privacy.epsilon={epsilon}", "privacy.delta=1e-4", "training.momentum=0.0"]
    overrides = private if epsilon else []
    run = RunDirectory(running.start("can-you-be-found", overrides, "local", 1, tmp_path / "run"))
    update, _ = auditing.audit(run.path, ASKED)
    assert least <= update.value <= most


def test_a_label_that_the_data_do_not_have_is_refused_before_anything_is_trained():
    asked = 'audit=[{ kind = "property-inference", label = "zz" }]'
    told = typed("check", "what-my-updates-say", "--set", asked)
    classes = ", ".join(repr(str(one)) for one in range(10))
    assert told.returncode == 2
    assert told.stderr.strip() == f"--set {asked}: audit[0].label: the data have no class 'zz'; they have {classes}"
