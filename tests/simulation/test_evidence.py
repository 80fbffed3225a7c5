"""What pages say and draw of audits: of one run and of several."""

import json
import math

import pytest
from findings_by_hand import LIRA, LOSS, RMIA, attack, bound, finding, noise, write_audited
from hostile_directories import ODD
from report_page import read_page
from run_directories import rewrite

from simulation.report import write_report
from simulation.report.drawings.attack_charts import places
from simulation.report.sections import evidence

MEMBERSHIP = (attack(LOSS, 0.51), attack(LIRA, 0.62), attack(RMIA, 0.61))


def page_of(*directories):
    output = directories[0].parent / "page.html"
    write_report(directories, output)
    return read_page(output)


def test_epsilon_lies_between_what_was_shown_and_what_is_promised(tmp_path):
    page = page_of(write_audited(tmp_path / "run", bound(2.5), noise(1.0)))
    [row] = page.rows("run-1-epsilon-shown")
    assert (row["low"], row["high"], row["kind"]) == (2.5, 7.96, "sound")
    assert "Somewhere between 2.50 and 7.96: the audit could show that much" in page.text
    assert "At least ε = 2.50 of that an audit could show." in page.text.replace("\xa0", " ")
    assert "ontradict" not in page.text.replace("Contradicts the run", "")


def test_a_bound_above_the_promise_is_drawn_and_said_loudly(tmp_path):
    page = page_of(write_audited(tmp_path / "run", bound(9.0, contradiction=True)))
    [row] = page.rows("run-1-epsilon-shown")
    assert (row["low"], row["high"], row["kind"]) == (7.96, 9.0, "contradiction")
    assert row["words"] == "✗ contradiction: 9.00 shown, at most 7.96 promised"
    [notice] = [one for one in page.attributes("p") if "contradiction" in (one.get("class") or "")]
    assert notice["role"] == "alert"
    said = page.text.index("✗ Contradiction: canary: canary found")
    assert page.text.index("What does privacy cost") < said < page.text.index("After 50 rounds")
    assert "A contradiction: an audit showed that it is at least 9.00" in page.text
    assert "one of the two is wrong" in page.text


def test_sabotage_is_no_contradiction_and_drawn_beside_what_the_run_does(tmp_path):
    broken = finding("canary", "epsilon, lower bound, with 0.1 times the noise", 9.0, low=9.0)
    page = page_of(write_audited(tmp_path / "run", bound(2.5), broken))
    sound, sabotaged = page.rows("run-1-epsilon-shown")
    assert (sound["high"], sound["kind"]) == (7.96, "sound")
    assert sabotaged["name"] == "Sabotage, with 0.1 times the noise"
    assert sabotaged["words"] == "✗ noticed: 9.00 shown, at most 7.96 promised"
    assert "At least ε = 2.50 of that an audit could show." in page.text.replace("\xa0", " ")
    assert "A contradiction" not in page.text


def test_the_answer_says_whether_sabotage_was_noticed(tmp_path):
    told = [("bound", 0.1, True), ("noise", 0.1, False), ("bound", 0.0, True), ("noise", 0.0, True)]
    broken = [
        finding("canary", f"{what}, with {share:g} times the noise", 1.0, facts={"sabotage": share, "noticed": noticed})
        for what, share, noticed in told
    ]
    text = page_of(write_audited(tmp_path / "run", bound(2.5), *broken)).text
    assert "With 0.1 times the noise, on purpose, 1 of 2 tests noticed. With no noise, on purpose, 2 of 2 tests" in text


def test_the_answer_says_how_like_rebuilt_records_are(tmp_path):
    facts = {
        "psnr_of_a_blind_guess": 12.0,
        "attacked": [{"records": 1, "records_recognised": 1}, {"records": 4, "records_recognised": 2}],
    }
    rebuilt = finding(
        "gradient-inversion", "PSNR of the best reconstruction from single updates, dB", 31.25, facts=facts
    )
    said = (
        "Of the records rebuilt from single updates of one round the best of each come on average to 31.2 dB, where a "
        "guess that saw no update has 12.0; 3 of 5 can be recognised."
    )
    assert said in page_of(write_audited(tmp_path / "run", rebuilt)).text


def test_the_answer_says_whether_the_key_came_out(tmp_path):
    unrounded = finding("key-recovery", "secret key recovered from unrounded sums", 1.0)
    shared = finding("key-recovery", "secret key recovered from sums as shared", 0.0)
    said = (
        "From unrounded sums, which this run does not share, the secret key came out. From sums as shared no secret "
        "key came out."
    )
    assert said in page_of(write_audited(tmp_path / "one", unrounded, shared)).text
    broken = page_of(write_audited(tmp_path / "two", {**shared, "value": 1.0})).text
    assert "From sums as shared the secret key came out." in broken


def test_the_answer_says_that_audits_have_not_been_tried(tmp_path):
    directory = write_audited(tmp_path / "run")
    said = "Its audits have not been tried yet: fedcrucible audit does."
    assert said not in page_of(directory).text
    rewrite(directory, "manifest.json", lambda manifest: manifest["scenario"].update(audit=[{"kind": "canary"}]))
    assert said in page_of(directory).text


def test_attacks_stand_against_guessing(tmp_path):
    page = page_of(write_audited(tmp_path / "run", *MEMBERSHIP, private=False))
    rows = page.rows("run-1-attacks")
    assert [(row["value"], row["low"], row["high"]) for row in rows] == [
        (0.51, pytest.approx(0.48), pytest.approx(0.54)),
        (0.62, pytest.approx(0.59), pytest.approx(0.65)),
        (0.61, pytest.approx(0.58), pytest.approx(0.64)),
    ]
    assert [row["words"].rpartition("; ")[2] for row in rows] == ["holds guessing", "above guessing", "above guessing"]
    assert [row["value"] for row in page.rows("run-1-attacks", "marks")] == [0.5, 0.5, 0.5]
    assert "The strongest attack that was tried, by LiRA (offline), came to an AUC of 0.620" in page.text
    assert "run-1-epsilon-shown" not in page.charts


def test_an_attack_s_own_guessing_is_marked_and_one_without_an_interval_is_in_the_table_only(tmp_path):
    guessed = finding("property", "share told right", 0.4, low=0.3, high=0.5, facts={"guessing": 0.25})
    key = finding("key-recovery", "secret key recovered from sums as shared", 0.0)
    page = page_of(write_audited(tmp_path / "run", guessed, key))
    assert [row["name"] for row in page.rows("run-1-attacks")] == ["property: share told right"]
    assert [row["value"] for row in page.rows("run-1-attacks", "marks")] == [0.25]
    assert "key-recovery: secret key recovered from sums as shared 0 – no" in page.text


def test_too_little_noise_is_drawn_against_what_was_claimed(tmp_path):
    page = page_of(write_audited(tmp_path / "run", noise(0.5, contradiction=True)))
    [row] = page.rows("run-1-noise")
    assert row["kind"] == "contradiction"
    assert row["words"].endswith("below as claimed")


def test_no_noise_at_all_is_drawn(tmp_path):
    page = page_of(write_audited(tmp_path / "run", noise(0.0, low=0.0, high=0.0, contradiction=True)))
    [row] = page.rows("run-1-noise")
    assert (row["low"], row["high"], row["kind"]) == (0.0, 0.0, "contradiction")


def test_a_page_has_no_more_words_of_a_finding_than_anybody_reads(tmp_path):
    endless = finding("canary", "a figure", 1.0, statement="x" * 100_000)
    assert page_of(write_audited(tmp_path / "run", endless)).text.count("x") < 10_000


def test_a_run_without_findings_has_no_evidence(tmp_path):
    page = page_of(write_audited(tmp_path / "run"))
    assert "Evidence" not in page.text


def test_runs_are_compared_by_attack_and_epsilon(tmp_path):
    runs = [
        write_audited(tmp_path / "a", *MEMBERSHIP, bound(2.5)),
        write_audited(tmp_path / "b", attack(LIRA, 0.7), private=False),
        write_audited(tmp_path / "c"),
    ]
    page = page_of(*runs)
    rows = page.rows("runs-attacks-epsilon")
    assert [(row["value"], row["epsilon"], row["attack"]) for row in rows] == [
        (0.51, "7.96", LOSS),
        (0.62, "7.96", LIRA),
        (0.61, "7.96", RMIA),
        (0.7, "no bound", LIRA),
    ]
    assert max(row["x"] for row in rows[:3]) < rows[3]["x"]
    assert len({row["x"] for row in rows[:3]}) == 3, "marks of one run do not hide each other"
    shown = page.rows("runs-epsilon-shown")
    assert [(row["low"], row["kind"]) for row in shown] == [(2.5, "sound"), (0, "open"), (0, "sound")]
    assert shown[2]["words"] == "0 to 7.96: no audit showed a lower bound"
    assert len({row["name"] for row in shown}) == 3, "runs of one scenario are told apart"
    assert "Strongest attack, AUC" in page.text


def test_many_runs_are_all_in_the_table_and_the_first_are_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr(evidence, "MOST_ROWS", 2)
    page = page_of(*[write_audited(tmp_path / "run", bound(2.5))] * 3)
    assert len(page.rows("runs-epsilon-shown")) == 2
    assert "Drawn are the first 2 of 3 runs." in page.text
    assert page.text.count("7.96 canary: epsilon, lower bound 2.50") == 3


def test_runs_of_one_scenario_are_named_by_what_was_set(tmp_path):
    runs = [write_audited(tmp_path / name, *MEMBERSHIP) for name in ("one", "two")]
    for run, own in zip(runs, (["seed=1", "a=2", "audit=[]"], ["seed=1"]), strict=True):
        rewrite(run, "manifest.json", lambda manifest, own=own: manifest.update(overrides=own))
    names = [row["name"] for row in page_of(*runs).rows("runs-attacks-epsilon")]
    assert list(dict.fromkeys(names)) == ["class-incremental-dp, a=2", "class-incremental-dp, as it is"]


def test_a_contradicted_run_is_named_above_the_comparison(tmp_path):
    runs = [write_audited(tmp_path / "a"), write_audited(tmp_path / "b", bound(9.0, contradiction=True))]
    assert "class-incremental-dp, as it is (2) : findings contradict what this run promises." in page_of(*runs).text


def test_what_has_no_bound_stands_to_the_right_of_every_number():
    axis = places([1.0, 8.0, None, math.inf])
    assert axis.of(None, 0, 1) == axis.of(math.inf, 0, 1) == axis.far
    assert axis.low < 1.0 < 8.0 < axis.far < axis.high
    assert axis.ticks == (1.0, 8.0, axis.far)
    assert axis.of(8.0, 0, 3) < axis.of(8.0, 1, 3) < axis.of(8.0, 2, 3)
    assert axis.of(8.0, 1, 3) == pytest.approx(8.0)
    many = places([1.0 + place for place in range(40)])
    assert many.ticks == (1.0, 2.0, 5.0, 10.0, 20.0)
    assert places([None]).low < places([None]).far < places([None]).high


@pytest.mark.parametrize("key", ["kind", "figure", "value", "low", "high", "confidence", "facts", "statement"])
def test_odd_findings_never_break_a_page(tmp_path, key):
    odd = [{**one, key: value} for value in ODD.values() for one in (bound(2.5), attack(LIRA, 0.6), noise(1.0))]
    directories = [write_audited(tmp_path / "a", *odd[:25]), write_audited(tmp_path / "b", *odd[25:], private=False)]
    page = page_of(*directories)
    assert page.html.endswith("</html>")
    assert len(page.scripts) == 3
    assert not page.attributes("img")
    for rows in (rows for chart in page.charts.values() for rows in chart["datasets"].values()):
        json.dumps(rows, allow_nan=False)


@pytest.mark.parametrize("findings", [None, 3, "text", {}, [None, 3, [], "text", {}], [[[]]], ["\ud800"]])
def test_findings_that_are_none_never_break_a_page(tmp_path, findings):
    directory = write_audited(tmp_path / "run")
    rewrite(directory, "summary.json", lambda summary: summary.update(findings=findings))
    assert page_of(directory, directory).html.endswith("</html>")
