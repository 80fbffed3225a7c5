"""Runs of which one file was edited afterwards: `verify` names what no longer is as the run left it."""

import json
import shutil

import pytest

from runs import PRIVATE, SMALL, play, typed
from server.run_directory import journal
from server.run_directory.files import RunDirectory
from simulation import auditing, verify


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return play(tmp_path_factory.mktemp("played"), SMALL + PRIVATE)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return play(tmp_path_factory.mktemp("plain"), SMALL)


@pytest.fixture
def run(played, tmp_path):
    return RunDirectory(shutil.copytree(played.path, tmp_path / "run"))


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda epsilon: epsilon.update(delta=1e-9), "epsilon.delta is not that of its scenario"),
        (lambda epsilon: epsilon.pop("delta"), "epsilon.delta is not that of its scenario"),
        (lambda epsilon: epsilon.update(accountant="exact"), "epsilon.accountant is not that of its scenario"),
        (
            lambda epsilon: epsilon["per_client"]["2"]["per_segment"].update(all=0.01),
            "client 2, segment 'all', is said to have spent 0.01, its rows say",
        ),
        (
            lambda epsilon: epsilon["per_client"]["2"].pop("per_segment"),
            "client 2, segment 'all', is said to have spent None, its rows say",
        ),
        (lambda epsilon: epsilon["per_client"].pop("2"), "client 2 is said to have spent None, its rows say"),
        (
            lambda epsilon: epsilon["per_client"].update({"9\n9": {"max": 0.0, "per_segment": {}}}),
            "client 9 9 is said to have spent 0.0, and the journal has no rows of it",
        ),
    ],
)
def test_every_part_of_the_table_of_epsilon_is_made_again(run, change, told):
    edit(run.summary, lambda summary: change(summary["epsilon"]))
    assert verify.problems(run.path)[0].startswith(f"summary.json: {told}")
    assert typed("verify", run.path).returncode == 1


def test_an_epsilon_that_was_taken_out_is_missed(run):
    edit(run.summary, lambda summary: summary.pop("epsilon"))
    assert verify.problems(run.path) == ["summary.json: epsilon is missing"]


def test_an_epsilon_of_a_run_without_privacy_is_none(plain, tmp_path):
    run = RunDirectory(shutil.copytree(plain.path, tmp_path / "run"))
    assert verify.problems(run.path) == []
    edit(run.summary, lambda summary: summary.update(epsilon={"max": 0.5}))
    assert verify.problems(run.path) == ["summary.json: epsilon is of a run without any"]


@pytest.mark.parametrize("name", ["accuracy", "loss", "sent_bytes", "engine", "stamp", "wall_seconds"])
def test_a_figure_that_was_taken_out_is_missed(run, name):
    edit(run.summary, lambda summary: summary.pop(name))
    assert verify.problems(run.path) == [f"summary.json: {name} is missing"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda manifest: manifest["guarantee"]["assumptions"].clear(), "guarantee"),
        (lambda manifest: manifest["protection"].update(trust="nobody can read anything"), "protection"),
        (lambda manifest: manifest.update(data_sha256="0" * 64), "data_sha256"),
        (lambda manifest: manifest.pop("data_sha256"), "data_sha256"),
        (lambda manifest: manifest["clients"]["0"].update(records=100_000), "clients_sha256"),
    ],
)
def test_what_the_manifest_says_since_the_run_began_stays(run, change, name):
    edit(run.manifest, change)
    assert verify.problems(run.path) == [f"journal.jsonl: {name} is not that of manifest.json"]


LATER = ("data_sha256", "stamp", "guarantee", "protection", "clients_sha256")


def as_earlier_versions(directory):
    """Chain the journal anew as earlier versions wrote it, with a first line that says less of the manifest."""
    previous, lines = journal.GENESIS, []
    for record in journal.read(directory.journal):
        content = {name: value for name, value in record.items() if name not in ("previous", "hash", *LATER)}
        lines.append(journal.link(previous, content))
        previous = lines[-1].hash
    directory.journal.write_text("".join(f"{line.text}\n" for line in lines))
    directory.update_manifest(journal_head=previous)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda manifest: manifest["guarantee"].update(unit="client"), "guarantee"),
        (lambda manifest: manifest["guarantee"].update(delta=1e-12), "guarantee"),
        (lambda manifest: manifest.update(guarantee=None), "guarantee"),
        (lambda manifest: manifest["protection"].update(hides_updates=True), "protection"),
        (lambda manifest: manifest.update(stamp=None), "stamp"),
    ],
)
def test_the_facts_of_a_promise_are_those_of_the_scenario_whatever_the_journal_says(run, change, name):
    as_earlier_versions(run)
    assert verify.problems(run.path) == []
    edit(run.manifest, change)
    edit(run.summary, lambda summary: summary.update(stamp=run.read_manifest()["stamp"]))
    assert verify.problems(run.path) == [f"manifest.json: {name} is not that of its scenario"]


def test_words_of_another_version_are_no_contradiction(run):
    as_earlier_versions(run)
    edit(run.manifest, lambda manifest: manifest["guarantee"].update(trust="In the words of another version."))
    assert verify.problems(run.path) == []


@pytest.fixture(scope="module")
def audited(played, tmp_path_factory):
    directory = RunDirectory(shutil.copytree(played.path, tmp_path_factory.mktemp("audited") / "run"))
    auditing.audit(directory.path, ['audit=[{ kind = "canary", canaries = 500 }]'])
    return directory


@pytest.mark.parametrize(
    "forge",
    [
        lambda run: edit(run.summary, lambda summary: summary.update(findings=[])),
        lambda run: edit(run.summary, lambda summary: summary.pop("findings")),
        lambda run: edit(run.summary, lambda summary: summary["findings"].pop()),
        lambda run: edit(run.summary, lambda summary: summary["findings"][0].update(contradiction=0)),
        lambda run: run.findings.unlink(),
        lambda run: run.findings.write_text(run.findings.read_text().replace('"seed": 3', '"seed": 4', 1)),
        lambda run: run.findings.write_bytes(b"\xff"),
    ],
)
def test_findings_are_the_same_in_both_files_and_another_audit_mends_them(audited, tmp_path, forge):
    run = RunDirectory(shutil.copytree(audited.path, tmp_path / "run"))
    assert verify.problems(run.path) == []
    forge(run)
    assert verify.problems(run.path) == [verify.FINDINGS_APART]
    auditing.audit(run.path, ['audit=[{ kind = "canary", canaries = 500 }]'])
    assert verify.problems(run.path) == []
    assert run.findings.read_bytes() == audited.findings.read_bytes()
