"""What the report of a run says, read from the file that it is."""

import base64
import hashlib
import json
import re

import pytest
from report_page import LOADING, read_page
from run_directories import STAMP, rewrite, write_run

from simulation.report import write_report


@pytest.fixture(scope="session")
def real(finished):
    return read_page(finished / "report.html")


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The report of a run that was written by hand: ten clients, fifty rounds, encrypted."""
    return report_of(write_run(tmp_path_factory.mktemp("written") / "run"))


@pytest.fixture(scope="session")
def summary(finished):
    return json.loads((finished / "summary.json").read_text())


@pytest.fixture(scope="session")
def rounds(finished):
    lines = map(json.loads, (finished / "journal.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == "round"]


def report_of(*directories):
    output = directories[0].parent / "report.html"
    write_report(directories, output)
    return read_page(output)


def retire(line, clients):
    for client in clients:
        line["reports"][client].update(status="retired", reason="privacy budget of epsilon 8 is spent")


def test_the_page_loads_nothing(real):
    assert not [(tag, name) for tag, attributes in real.elements for name in attributes if name in LOADING]
    assert all(link["href"].startswith("#") for link in real.attributes("a"))
    assert not {"link", "base", "iframe", "object", "embed", "img"} & {tag for tag, _ in real.elements}
    assert not re.search(r"url\(|@import", " ".join(real.styles))


def test_the_policy_allows_nothing_but_the_scripts_and_the_style_of_the_page(real):
    def hashed(text):
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    policy = real.policy()
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == [hashed(script) for script in real.scripts[1:]]
    assert policy["style-src"] == [hashed(style) for style in real.styles]
    assert policy["base-uri"] == policy["form-action"] == ["'none'"]


def test_no_element_carries_a_style_or_a_handler_that_the_policy_would_refuse(real):
    assert not [name for _, attributes in real.elements for name in attributes if re.match(r"style$|on", name)]


def test_the_page_is_small(real):
    assert len(real.html) < 1_500_000


def test_the_answer_comes_right_after_the_question(real, summary):
    question = real.text.index("What does a report show of a small private run?")
    answer = real.text.index("After 3 rounds with 3 clients the model classifies")
    assert question < answer < question + 200
    assert f"classifies {summary['accuracy']:.1%} of the test records correctly" in real.text


def test_each_headline_figure_stands_with_what_it_means(real, summary):
    uploaded = f"{summary['sent_bytes'] / 1000:.3g} kB"
    figures = real.text[real.text.index(f"{STAMP} Accuracy") : real.text.index("How it learned")]
    expected = [
        f"Accuracy {summary['accuracy']:.1%} Of 359 test records, {round(summary['accuracy'] * 359)} are",
        f"Privacy spent, ε {summary['epsilon']['max']:#.3g} Whether any one record was used changes the probability",
        "Rounds with single updates seen 3 of 3 In so many rounds the server could read what a single client sent.",
        f"Uploaded {uploaded} All that the clients sent",
        f"Final model {summary['final_sha256'][:10]} The start of the SHA-256",
    ]
    assert [text for text in expected if text not in figures] == []
    assert re.search(r"Time [\d.]+ m?s By the clock", figures)


def test_accuracy_on_validation_records_is_shown_where_there_are_some(tmp_path, written):
    directory = write_run(tmp_path / "run", rounds=2)
    rewrite(directory, "summary.json", lambda summary: summary.update(validation_accuracy=0.731))
    assert "Validation accuracy 73.1% On records that are neither trained nor tested on." in report_of(directory).text
    assert "Validation accuracy" not in written.text
    assert "Validation accuracy" in report_of(directory, directory).text


def test_accuracy_stands_beside_that_of_always_saying_the_most_common_class(tmp_path):
    directory = write_run(tmp_path / "run", clients=2, rounds=2, classes=["no", "yes"])
    said = ("correctly, where {}.", "classified correctly, by share. {}.")
    old, new = "guessing among 2 classes gives 50.0%", "always saying the most common class gives 91.7%"
    page = report_of(directory).text
    assert said[0].format(old) in page
    assert said[1].format(old.capitalize()) in page
    rewrite(directory, "summary.json", lambda summary: summary.update(majority=0.917))
    page = report_of(directory).text
    assert said[0].format(new) in page
    assert said[1].format(new.capitalize()) in page
    assert "uessing among" not in page
    # A run without a summary has it from its last round.
    (directory / "summary.json").unlink()
    rewrite(directory, "journal.jsonl", lambda line: line.update(majority=0.5 + 0.1 * line.get("round", 0)))
    assert "where always saying the most common class gives 70.0%" in report_of(directory).text


def test_a_long_run_s_time_is_told_in_minutes(written):
    assert (
        "Time 3 min 20 s By the clock, from start to end. The clients' own work adds up to 1 min 59 s." in written.text
    )


def test_accuracy_and_loss_are_drawn_by_round(real, rounds):
    for key in ("accuracy", "loss"):
        drawn = [(row["round"], row["value"]) for row in real.rows(f"run-1-{key}")]
        assert drawn == [(line["round"], line[key]) for line in rounds]


def test_epsilon_is_drawn_by_round_for_every_client(real, rounds):
    drawn = {(row["round"], row["client"]): row["value"] for row in real.rows("run-1-epsilon", "lines")}
    assert drawn == {
        (line["round"], f"client {client}"): value for line in rounds for client, value in line["epsilon"].items()
    }


def test_epsilon_is_drawn_by_client_as_the_summary_has_it(real, summary):
    drawn = {row["client"]: row["value"] for row in real.rows("run-1-epsilon-by-client")}
    spent = summary["epsilon"]["per_client"]
    assert drawn == {f"client {client}": spent[client]["max"] for client in spent}


def test_bytes_and_seconds_are_drawn_by_round(real, rounds):
    drawn = {(row["round"], row["kind"]): row["value"] for row in real.rows("run-1-bytes")}
    assert drawn == {(line["round"], "uploaded"): line["sent_bytes"] for line in rounds} | {
        (line["round"], "downloaded"): line["received_bytes"] for line in rounds
    }
    assert "The clients' own seconds added up leave that out" in real.text
    assert "they can be less than the clock's or more." in real.text
    clock = [row["value"] for row in real.rows("run-1-seconds") if row["kind"] == "by the clock"]
    assert clock == [line["seconds"] for line in rounds]


def test_without_protection_the_server_saw_every_update(real):
    assert real.text.count("3 of 3 ● yes, in 3 weight, bytes, ledger, seconds") == 3
    assert "The server could read single clients' updates in every round" in real.text


def test_under_encryption_the_server_saw_no_update_and_the_page_says_whom_that_trusts(written):
    assert "● yes" not in written.text
    assert written.text.count("○ no weight, bytes, ledger") == 10
    assert "If all kept to the protocol, the server saw sums" in written.text
    assert "it cannot read an update unless it colludes with a client" in written.text


def test_a_sum_of_one_client_counts_as_its_update_seen(tmp_path):
    page = report_of(write_run(tmp_path / "run", clients=1, rounds=4))
    assert "○ no" not in page.text
    assert "4 of 4 In so many rounds the server could read" in page.text


def test_a_round_to_which_nobody_sent_anything_shows_no_update(tmp_path):
    directory = write_run(tmp_path / "run", clients=2, rounds=4)
    rewrite(directory, "journal.jsonl", lambda line: line.get("round") == 4 and retire(line, ["0", "1"]))
    rewrite(directory, "journal.jsonl", lambda line: line.update(seen={"updates": True}))
    assert "3 of 4 In so many rounds the server could read" in report_of(directory).text


def test_what_became_of_a_later_task_of_a_round_stands_with_the_client(tmp_path):
    def consolidate(line, status):
        then = {"consolidate": {"status": status, "reason": "", "weight": 0.5}}
        line["reports"]["0"].update(then=then)

    directory = write_run(tmp_path / "run", clients=2, rounds=4)
    rewrite(directory, "journal.jsonl", lambda line: line.get("round") == 3 and consolidate(line, "retired"))
    assert "consolidate: retired in round 3" in report_of(directory).text
    # Who did not train but released its Fisher information did send something.
    rewrite(directory, "journal.jsonl", lambda line: line.get("round") == 4 and retire(line, ["0", "1"]))
    rewrite(directory, "journal.jsonl", lambda line: line.update(seen={"updates": True}))
    assert "3 of 4 In so many rounds the server could read" in report_of(directory).text
    rewrite(directory, "journal.jsonl", lambda line: line.get("round") == 4 and consolidate(line, "trained"))
    assert "4 of 4 In so many rounds the server could read" in report_of(directory).text


def test_what_a_client_sent_in_a_round_is_the_mean_of_those_in_which_it_sent_an_update(tmp_path):
    def reported(line, sent):
        for client, count in sent.items():
            line["reports"][client].update(sent_bytes=count)

    directory = write_run(tmp_path / "run", clients=2, rounds=4)
    assert "All that the clients sent, 131 kB a client and round. They downloaded" in report_of(directory).text
    # Five updates of 131,000 bytes; client 0 has retired after round 1 and says so in 170 bytes each time.
    rewrite(directory, "journal.jsonl", lambda line: line.get("round", 0) >= 2 and retire(line, ["0"]))
    rewrite(directory, "journal.jsonl", lambda line: line.get("round", 0) >= 2 and reported(line, {"0": 170}))
    said = "All that the clients sent, 131 kB a client and round in which it sent an update. They downloaded"
    assert said in report_of(directory).text
    rewrite(directory, "journal.jsonl", lambda line: line.get("round", 0) == 4 and reported(line, {"1": 262_000}))
    assert "sent, 157 kB a client and round in which" in report_of(directory).text  # 786,000 / 5
    # Who is not drawn has no report and did not take part either.
    rewrite(directory, "journal.jsonl", lambda line: line.get("round", 0) == 1 and line["reports"].pop("0"))
    assert "sent, 164 kB a client and round in which" in report_of(directory).text  # 655,000 / 4
    rewrite(directory, "journal.jsonl", lambda line: line.get("round") and line.update(reports={}))
    assert "All that the clients sent. They downloaded" in report_of(directory).text


def test_the_answer_says_how_long_the_budgets_lasted(tmp_path):
    directory = write_run(tmp_path / "run", clients=4, rounds=6)
    rewrite(directory, "journal.jsonl", lambda line: line.get("round", 0) >= 3 and retire(line, ["2"]))
    rewrite(directory, "journal.jsonl", lambda line: line.get("round", 0) >= 5 and retire(line, ["1"]))
    said = "2 of 4 clients had no budget left before the end: the first from round 3, the last from 5."
    assert said in report_of(directory).text


def test_an_accuracy_that_has_fallen_is_not_left_to_the_chart(tmp_path):
    directory = write_run(tmp_path / "run", clients=2, rounds=6)
    rewrite(directory, "journal.jsonl", lambda line: line.get("round") == 4 and line.update(accuracy=0.93))
    assert "It has fallen: round 4 had 93.0%." in report_of(directory).text


def test_what_is_not_recorded_as_hidden_counts_as_seen(tmp_path):
    directory = write_run(tmp_path / "run", clients=3, rounds=2)
    rewrite(directory, "journal.jsonl", lambda line: line.pop("seen", None))
    rewrite(directory, "manifest.json", lambda manifest: manifest.pop("protection"))
    assert "○ no" not in report_of(directory).text


def test_incidents_stand_with_the_client_and_the_rounds(written):
    assert "failed in rounds 14–16: no answer from client 1" in written.text
    assert "rejected in rounds 31, 35: the proof of range does not hold" in written.text


def test_events_are_listed_by_round(written):
    assert "1 round 14: dropout, client 1, until round 16" in written.text
    assert "2 round 31: poison, client 0" in written.text


def test_the_labels_of_each_client_are_drawn(real, finished):
    clients = json.loads((finished / "manifest.json").read_text())["clients"]
    drawn = {(row["client"], row["class"]): row["records"] for row in real.rows("run-1-holdings")}
    assert drawn == {
        (f"client {client}", label): count
        for client, held in clients.items()
        for label, count in held["labels"].items()
        if count
    }


def test_the_scenario_file_is_shown_as_it_was_written(real, finished):
    text = json.loads((finished / "manifest.json").read_text())["scenario_text"]
    assert " ".join(text.split()) in real.text


def test_seed_versions_and_hashes_are_shown(real, finished, summary):
    manifest = json.loads((finished / "manifest.json").read_text())
    shown = [f"{name} {version}" for name, version in manifest["versions"].items()]
    hashes = [summary["final_sha256"], manifest["scenario_sha256"], manifest["data_sha256"], manifest["journal_head"]]
    assert [text for text in (*shown, *hashes, "Seed 11") if text not in real.text] == []


def test_the_guarantee_is_shown_with_all_that_it_rests_on(real, finished):
    guarantee = json.loads((finished / "manifest.json").read_text())["guarantee"]
    texts = [
        guarantee[key] for key in ("statement", "unit", "neighbouring_relation", "sampling", "trust", "accountant")
    ]
    assert [text for text in (*texts, *guarantee["assumptions"]) if text not in real.text] == []


def test_a_seeded_run_is_stamped_and_promises_nothing_to_those_who_know_the_seed(real):
    opening = real.text[: real.text.index("How it learned")]
    assert f"⚠ {STAMP}" in opening
    assert "and nothing against those who know the seed, the server and every client among them." in opening
    assert "It holds only against those who do not know the seed, and this page shows the seed." in opening
    assert '"system" promises it against the server and the other clients, too.' in opening


def test_unseeded_noise_is_not_stamped_and_not_said_to_be_repeatable(tmp_path):
    directory = write_run(tmp_path / "run", rounds=2)
    rewrite(directory, "manifest.json", lambda manifest: manifest.update(stamp=None))
    page = report_of(directory)
    assert "know the seed" not in page.text
    assert "give it again" not in page.text


def test_a_run_without_privacy_claims_none(tmp_path):
    page = report_of(write_run(tmp_path / "run", rounds=3, private=False))
    assert "Privacy spent, ε no bound" in page.text
    assert "Nothing bounds what this gives away about a record." in page.text
    assert "This run gives no formal guarantee of privacy." in page.text
    assert "run-1-epsilon" not in page.charts


def test_an_epsilon_that_the_journal_has_no_bound_for_is_infinite(tmp_path):
    directory = write_run(tmp_path / "run", clients=2, rounds=3)
    rewrite(directory, "journal.jsonl", lambda line: "epsilon" in line and line.update(epsilon={"0": None, "1": 1.0}))
    rewrite(directory, "summary.json", lambda summary: summary.update(epsilon={"max": None, "delta": 1e-5}))
    assert "Privacy spent, ε ∞ No finite ε holds" in report_of(directory).text


def test_the_page_names_the_accountant_of_the_rounds_where_the_totals_are_by_another(tmp_path):
    directory = write_run(tmp_path / "run", rounds=2)
    rewrite(directory, "summary.json", lambda summary: summary["epsilon"].update(accountant="prv"))
    said = "Reckoned by the Rényi accountant; the totals are by PRV, which is tighter."
    assert f"{said} A budget is kept by PRV, too: a line may cross it." in report_of(directory).text


def test_a_failed_run_shows_its_reason_and_what_is_known(tmp_path):
    reason = "round 13: 1 usable update, below the quorum of 2"
    page = report_of(write_run(tmp_path / "run", rounds=12, status="failed", reason=reason))
    assert f"✗ Failed. {reason}" in page.text
    assert "The run did not finish; what follows is known from 12 rounds of 12." in page.text
    assert "What a round that was cut short has cost may come on top." in page.text


def test_the_clients_of_a_round_that_failed_are_shown_with_its_reason(tmp_path):
    directory = write_run(tmp_path / "run", clients=2, rounds=2, status="failed", reason="no quorum")
    reports = {"1": {"status": "failed", "reason": "out of memory", "sent_bytes": 0}}
    with (directory / "journal.jsonl").open("a") as journal:
        journal.write(json.dumps({"kind": "round-failed", "round": 3, "reports": reports}) + "\n")
    assert "failed in round 3: out of memory" in report_of(directory).text


def test_a_summary_of_an_earlier_failure_does_not_count_once_the_run_went_on(tmp_path):
    directory = write_run(tmp_path / "run", clients=2, rounds=9)
    epsilon = {"max": 0.01, "delta": 1e-5, "per_client": {"0": {"max": 0.01}}}
    rewrite(directory, "summary.json", lambda summary: summary.update(status="failed", epsilon=epsilon))
    rewrite(directory, "manifest.json", lambda manifest: manifest.update(status="running"))
    assert "Privacy spent, ε 2.66" in report_of(directory).text


def test_several_runs_are_compared_on_one_page(tmp_path, finished):
    other = write_run(tmp_path / "other", rounds=3, private=False)
    page = report_of(other, finished)
    assert "2 runs" in page.text
    header = "Run Status Seed Accuracy ε Rounds with single updates seen Uploaded Time"
    comparison = page.text[page.text.index(header) :]
    assert re.search(r"class-incremental-dp ✓ Completed 7 \S+% no bound 0 of 3 ", comparison)
    assert re.search(r"tiny ✓ Completed 11 \S+% [\d.]+ at δ = 10⁻⁴ 3 of 3 ", comparison)
    assert {chart.split("-")[1] for chart in page.charts} == {"1", "2"}
