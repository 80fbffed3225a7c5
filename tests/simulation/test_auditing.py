import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from privacy.audits import canary
from privacy.errors import ScenarioError
from privacy.findings import from_json
from privacy.protections import homomorphic
from runs import ENCRYPTED, PRIVATE, SMALL, command, play, summary, typed
from scenarios.audits import Canary
from server.run_directory import journal
from server.run_directory.files import RunDirectory
from simulation import auditing, cli, running, verify
from simulation.auditing import subject

KEY = ['audit=["key-recovery"]']
AUDITED = SMALL + PRIVATE + '[[audit]]\nkind = "canary"\ncanaries = 500\n'


def sabotaged(factor):
    return [f'audit=[{{ kind = "canary", sabotage = {factor} }}]']


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    return play(tmp_path_factory.mktemp("private"), AUDITED)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return play(tmp_path_factory.mktemp("plain"), SMALL)


@pytest.fixture
def copied(private, tmp_path):
    return RunDirectory(shutil.copytree(private.path, tmp_path / "run"))


@pytest.fixture
def broken(monkeypatch):
    """A mechanism that forgets nine tenths of its noise."""
    draw = canary.draw_gaussian
    monkeypatch.setattr(canary, "draw_gaussian", lambda out, deviation, noise: draw(out, deviation / 10, noise))


def test_a_sound_run_is_not_contradicted(private):
    bound, noise = auditing.audit(private.path)
    assert 0.0 < bound.value < summary(private)["epsilon"]["max"]
    assert noise.low < 1.0 < noise.high
    assert not bound.contradiction
    assert not noise.contradiction


def test_findings_are_written_into_the_directory_its_summary_and_its_report(private):
    found = auditing.audit(private.path)
    assert [from_json(line) for line in private.findings.read_text().splitlines()] == found
    assert [table["statement"] for table in summary(private)["findings"]] == [one.statement for one in found]
    assert "so with 95% confidence the mechanism" in private.report.read_text()
    assert verify.problems(private.path) == []


def test_twice_finds_the_same(private):
    auditing.audit(private.path)
    once = private.findings.read_bytes(), private.summary.read_bytes()
    auditing.audit(private.path)
    assert (private.findings.read_bytes(), private.summary.read_bytes()) == once


def test_a_bound_is_beside_the_claim_of_who_paid_most(private):
    [bound, _] = auditing.audit(private.path)
    spent = {client: told["max"] for client, told in summary(private)["epsilon"]["per_client"].items()}
    assert bound.facts["claimed_epsilon"] == pytest.approx(max(spent.values()))
    assert spent[bound.facts["client"]] == max(spent.values())


def test_audits_can_be_set_for_a_run_that_has_ended(private):
    [bound, _] = auditing.audit(private.path, ['audit=[{ kind = "canary", canaries = 300 }]'])
    assert bound.facts["canaries"] == 300
    [bound, _] = auditing.audit(private.path, ['audit=["canary"]'])
    assert bound.facts["canaries"] == 2000


def test_a_run_without_audits_gets_those_that_fit(private):
    assert [one.kind for one in auditing.audit(private.path, ["audit=[]"])][:2] == ["canary", "canary"]


def test_nothing_else_can_be_set(private):
    with pytest.raises(ScenarioError, match="only its audits can be set"):
        auditing.audit(private.path, ["privacy.noise_multiplier=3.0"])


def test_broken_noise_is_a_contradiction_told_first(copied, broken):
    found = auditing.audit(copied.path)
    assert found[1].contradiction
    assert auditing.lines(found)[0].startswith("CONTRADICTION: canary: ")
    assert "Contradiction: canary: " in copied.report.read_text()


def test_the_command_prints_what_it_found(private):
    told = typed("audit", private.path)
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("canary: ") == 2


def test_a_contradiction_ends_the_command_with_1(copied, broken, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["fedcrucible", "audit", str(copied.path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert re.search("[12] of 2 findings contradict what the run promises", capsys.readouterr().err)


def test_an_unfinished_run_is_refused(copied):
    copied.update_manifest(status="interrupted")
    with pytest.raises(ScenarioError, match="not a finished run: its status is 'interrupted'"):
        auditing.audit(copied.path)


def test_a_run_that_does_not_verify_is_refused(copied):
    copied.journal.write_text(copied.journal.read_text().replace('"round":2', '"round":7'))
    with pytest.raises(ScenarioError, match="does not verify: journal"):
        auditing.audit(copied.path)


def test_data_that_changed_are_refused(copied, monkeypatch):
    other = SimpleNamespace(dataset=SimpleNamespace(fingerprint="0" * 64))
    monkeypatch.setattr(subject, "records_of", lambda scenario: other)
    with pytest.raises(ScenarioError, match="no longer those the run was made with"):
        auditing.audit(copied.path)


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000, '{"status": "completed"}', "\x00"])
@pytest.mark.parametrize("name", ["manifest.json", "summary.json", "journal.jsonl"])
def test_files_that_make_no_sense_are_refused(copied, name, content):
    (copied.path / name).write_text(content)
    with pytest.raises(ScenarioError):
        auditing.audit(copied.path)


def test_a_ledger_too_long_to_play_is_refused(copied, monkeypatch):
    monkeypatch.setattr(canary, "MOST_DRAWS", 1000)
    with pytest.raises(ScenarioError, match=r"audit canary: .* too many to play"):
        auditing.audit(copied.path)


def test_no_directory_is_refused_with_2(tmp_path):
    told = command("audit", tmp_path / "nowhere")
    assert told.returncode == 2
    assert "not a readable run directory" in told.stderr
    assert "Traceback" not in told.stderr


def test_canaries_need_noise(plain):
    with pytest.raises(ScenarioError, match=r"there is no noise to audit"):
        auditing.audit(plain.path, ['audit=["canary"]'])


def test_an_unknown_audit_lists_the_valid_ones(private):
    with pytest.raises(ScenarioError, match="--set audit"):
        auditing.audit(private.path, ['audit=["canari"]'])


def test_noise_broken_on_purpose_is_noticed_and_does_not_count_against_the_run(private):
    found = auditing.audit(private.path, sabotaged(0.0))
    for one in found:
        assert one.statement.startswith("Sabotage: 0 times the run's noise was played, on purpose")
        assert not one.contradiction
    assert "This test noticed" in found[1].statement
    assert (found[1].facts["sabotage"], found[1].facts["noticed"]) == (0.0, True)


def test_sabotage_that_is_not_noticed_is_said(private):
    for one in auditing.audit(private.path, sabotaged(0.999)):
        assert "This test did not notice" in one.statement
        assert not one.facts["noticed"]


def test_no_sabotage_is_the_audit_as_it_always_was(private):
    found = auditing.audit(private.path, ['audit=["canary"]'])
    assert auditing.audit(private.path, sabotaged(1.0)) == found
    assert "sabotage" not in found[0].facts
    assert "sabotage" not in Canary(sabotage=1.0).model_dump()
    assert Canary.model_validate(Canary(sabotage=0.5).model_dump(mode="json")).sabotage == 0.5


@pytest.mark.parametrize("factor", [-0.1, 1.1])
def test_more_noise_than_the_run_has_is_no_sabotage(private, factor):
    with pytest.raises(ScenarioError, match="sabotage"):
        auditing.audit(private.path, sabotaged(factor))


@pytest.mark.slow
@pytest.mark.parametrize("claimed", [1, 3])
def test_somebody_would_notice_if_the_noise_were_not_there(claimed, tmp_path):
    noticed = {0.1: 0, 0.0: 0}
    for seed in range(20):
        overrides = [f"seed={seed}", f"privacy.epsilon={claimed}"]
        found = auditing.audit(running.start("broken-noise", overrides, "local", 1, tmp_path / str(seed)))
        assert [one.facts.get("sabotage") for one in found] == [None, None, 0.1, 0.1, 0.0, 0.0]
        assert not any(one.contradiction for one in found)
        for bound in found[2::2]:
            noticed[bound.facts["sabotage"]] += bound.facts["noticed"]
        assert all(noise.facts["noticed"] for noise in found[3::2])
    assert noticed[0.1] >= 19
    assert noticed[0.0] == 20


def test_findings_of_a_summary_are_plain_json(private):
    auditing.audit(private.path)
    assert json.loads(private.summary.read_text())["findings"][0]["confidence"] == 0.95


@pytest.fixture(scope="module", params=["ckks", "bfv"])
def encrypted(request, tmp_path_factory):
    text = SMALL + ENCRYPTED + f'scheme = "{request.param}"\n'
    return play(tmp_path_factory.mktemp(request.param), text.replace("rounds = 3", "rounds = 1"))


def test_an_encrypted_run_is_tried_for_its_key_and_not_contradicted(encrypted):
    found = auditing.audit(encrypted.path, KEY)
    as_shared = found[-1]
    assert (as_shared.kind, as_shared.value, as_shared.contradiction) == ("key-recovery", 0.0, False)
    assert "Made in an exchange of its own" in as_shared.statement
    assert auditing.audit(encrypted.path, KEY) == found


def test_unrounded_sums_would_have_given_everything_away(encrypted):
    found = auditing.audit(encrypted.path, KEY)
    if encrypted.read_scenario().protection.scheme == "bfv":
        assert len(found) == 1
        return
    assert (found[0].value, found[0].facts["single_updates_opened"]) == (1.0, 4)
    assert not found[0].contradiction


def test_there_must_be_a_key_to_recover(private):
    with pytest.raises(ScenarioError, match="there is no key to recover"):
        auditing.audit(private.path, ['audit=["key-recovery"]'])


def test_a_key_that_comes_out_of_sums_as_shared_is_a_contradiction(encrypted, monkeypatch):
    for name in ("recover", "recover_from_exact"):
        monkeypatch.setattr(f"privacy.audits.key_recovery.{name}", lambda *_: np.zeros(4096, np.int64))
    assert auditing.audit(encrypted.path, KEY)[-1].contradiction


def test_a_run_of_any_kind_is_asked_for_its_members(plain):
    loss, *others = auditing.audit(plain.path)
    assert "gradient-inversion" in {one.kind for one in others}
    assert (loss.kind, loss.facts["attack"], loss.facts["shadows"]) == ("membership-inference", "loss", 0)
    assert loss.low <= loss.value <= loss.high


def test_shadows_add_two_attacks_and_twice_find_the_same(plain):
    asked = ['audit=[{ kind = "membership-inference", shadows = 3 }]']
    found = auditing.audit(plain.path, asked)
    assert [one.facts["attack"] for one in found] == ["loss", "lira", "rmia"]
    assert auditing.audit(plain.path, asked) == found


def test_a_single_shadow_is_refused(plain):
    with pytest.raises(ScenarioError, match="one shadow shows no spread"):
        auditing.audit(plain.path, ['audit=[{ kind = "membership-inference", shadows = 1 }]'])


SEEN = ['audit=["visibility"]']


def test_nobody_reads_single_updates_under_homomorphic_aggregation(tmp_path):
    found, read = auditing.audit(play(tmp_path, SMALL + ENCRYPTED).path, SEEN)
    assert (read.value, read.facts["roles"]) == (0.0, [])
    cells = {(cell["quantity"], cell["role"]): cell["how"] for cell in found.facts["table"]}
    assert {cells["single updates", role] for role in ("server", "network")} == {"ciphertext"}
    assert {cells["single updates", role] for role in ("key holder", "other clients")} == {"nothing"}
    assert cells["sum of updates", "key holder"] == "decrypts"
    assert not found.contradiction


def test_the_server_reads_single_updates_without_a_protection(plain):
    found, read = auditing.audit(plain.path, SEEN)
    assert read.statement == "Single updates could be read by the server and the network."
    assert read.value == 2.0
    assert "single updates" in plain.report.read_text().lower()
    assert not found.contradiction


def test_noise_is_said_where_updates_are_read(private):
    _, read = auditing.audit(private.path, SEEN)
    assert "by the server and the network, with noise from a seed that all were sent" in read.statement


def test_a_protection_that_leaks_updates_beside_its_ciphertexts_is_found_out(tmp_path, monkeypatch):
    send = homomorphic._send_update

    def with_a_copy(protection, side, fields):
        answered, secrets = send(protection, side, fields)
        return {**answered, "copy": side.update.tobytes()}, secrets

    monkeypatch.setattr(homomorphic, "_send_update", with_a_copy)
    directory = play(tmp_path, SMALL + ENCRYPTED)
    found, _ = auditing.audit(directory.path, SEEN)
    assert found.contradiction
    assert "could be an update travelled in the clear as 'reply.copy'" in found.statement


def rewritten(directory, change):
    """Write another journal into the directory, whose lines are linked anew."""
    chained, previous = [], journal.GENESIS
    for line in journal.read(directory.journal):
        content = change({name: value for name, value in line.items() if name not in ("hash", "previous")})
        chained.append(journal.link(previous, content))
        previous = chained[-1].hash
    directory.journal.write_text("".join(line.text + "\n" for line in chained))
    directory.update_manifest(journal_head=previous)


def test_a_sum_of_one_client_and_of_zeros_is_an_update_that_the_server_read(tmp_path):
    def with_zeros(line):
        for client, report in line["reports"].items() if line.get("round") == 2 else ():
            report["weight"] = float(client == "3")
        return line

    directory = play(tmp_path, SMALL + ENCRYPTED)
    rewritten(directory, with_zeros)
    found, read = auditing.audit(directory.path, SEEN)
    assert found.contradiction
    assert found.facts["leaks"] == ["the sum of round 2, to which client 3 alone added anything"]
    assert "server" in read.facts["roles"]
    assert "in a round there was only one to add up" in directory.report.read_text()


def test_a_run_whose_messages_were_not_traced_is_refused(copied):
    rewritten(copied, lambda line: {name: value for name, value in line.items() if name != "messages"})
    with pytest.raises(ScenarioError, match="no trace of all of its messages"):
        auditing.audit(copied.path, SEEN)
    untried = {one.kind for one in auditing.audit(copied.path, ["audit=[]"]) if one.figure == "not tried"}
    assert untried == {"visibility"}
