"""What the report says of a run with a timeline, read from the file that it is."""

import json

import pytest
from report_page import read_page
from run_directories import rewrite, write_run
from timeline_directories import EVENTS, EXPERIENCES, write_timeline

from simulation.report import write_report


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return report_of(write_timeline(tmp_path_factory.mktemp("timeline") / "run"))


def report_of(*directories):
    output = directories[0].parent / "report.html"
    write_report(directories, output)
    return read_page(output)


def with_events(directory, *events):
    rewrite(directory, "manifest.json", lambda manifest: manifest["scenario"].update(event=[*EVENTS, *events]))
    return directory


def test_a_client_has_a_bar_in_the_rounds_in_which_it_is_there(written):
    bars = {(row["lane"], row["rounds"]) for row in written.rows("run-1-lanes", "bars") if row["state"] == "there"}
    assert bars == {("client 0", "1–8"), ("client 1", "1–4"), ("client 2", "1–8"), ("client 3", "3–8")}


def test_rounds_without_an_update_are_marked_in_a_client_s_bar(written):
    bars = {(row["lane"], row["state"], row["rounds"]) for row in written.rows("run-1-lanes", "bars")}
    assert {bar for bar in bars if bar[1] != "there"} == {
        ("client 2", "lost to the round", "4–5"),
        ("client 2", "late", "6"),
        ("client 0", "nothing left to spend", "8"),
    }


def test_experiences_are_bands(written):
    bands = [(row["name"], row["from"], row["to"]) for row in written.rows("run-1-lanes", "bands")]
    assert bands[:2] == [("1: classes 0, 1", 0.5, 2.5), ("2: classes 2, 3", 2.5, 4.5)]


def test_events_stand_with_their_numbers_in_the_lanes_of_those_concerned(written):
    marks = [(row["lane"], row["round"], row["until"], row["number"]) for row in written.rows("run-1-lanes", "marks")]
    assert marks == [
        ("client 1", 2, 4, "1"),
        ("client 3", 3, 3, "2"),
        ("client 2", 4, 5, "3"),
        ("everybody", 5, 5, "4"),
        ("client 1", 5, 5, "4"),
        ("everybody", 7, 7, "5"),
    ]


def test_numbers_are_explained_in_words(written):
    assert "3 round 4: client 2 dropped out with probability 0.5 a round, until round 5" in written.text
    assert "4 round 5: the budget becomes epsilon 9; client 1 leave" in written.text


def test_many_clients_are_counted_instead(tmp_path):
    page = report_of(write_timeline(tmp_path / "run", clients=25))
    rows = [row for row in page.rows("run-1-lanes") if row["round"] == 4]
    assert {row["state"]: row["clients"] for row in rows if row["clients"]} == {"trained": 24, "lost to the round": 1}


def test_a_run_without_a_timeline_has_none(tmp_path):
    directory = write_run(tmp_path / "run", clients=2, rounds=3)
    rewrite(directory, "manifest.json", lambda manifest: [manifest["scenario"].pop(key) for key in ("stream", "event")])
    page = report_of(directory)
    assert "What happened when" not in page.text
    assert set(page.charts["run-1-accuracy"]["datasets"]) == {"rows", "changes"}
    assert set(page.charts) == {
        f"run-1-{name}" for name in ("accuracy", "loss", "epsilon", "epsilon-by-client", "bytes", "seconds", "holdings")
    }


def test_each_experience_is_a_line_from_when_it_came(written):
    lines = [(row["number"], row["round"], row["value"]) for row in written.rows("run-1-accuracy", "experiences")]
    assert [line for line in lines if line[0] == 3] == [(3, 5, 0.8), (3, 6, 0.8), (3, 7, 0.6), (3, 8, 0.6)]
    assert [row["round"] for row in written.rows("run-1-accuracy", "starts")] == [2.5, 4.5, 6.5]


def test_a_backdoor_s_success_is_a_line(written):
    rows = [row for row in written.rows("run-1-accuracy") if row["kind"] == "success of the backdoor"]
    assert [row["value"] for row in rows] == [0.5, 0.7, 0.7, 0.7, 0.5, 0.5, 0.5, 0.5]
    assert "Success of the backdoor 50.0%" in written.text


def test_the_matrix_is_drawn_with_its_figures(written):
    cells = {(row["after"], row["on"]): row["text"] for row in written.rows("run-1-matrix")}
    assert len(cells) == 16
    assert (cells["1", "1"], cells["4", "1"], cells["4", "4"], cells["1", "4"]) == ("80", "20", "80", "10")


def test_each_client_has_a_small_matrix(written):
    rows = written.rows("run-1-matrix-by-client")
    assert {row["client"] for row in rows} == {"client 0", "client 1", "client 2", "client 3"}
    assert len(rows) == 4 * 16


def test_a_run_that_was_cut_short_has_its_matrix_from_the_journal(tmp_path):
    directory = write_timeline(tmp_path / "run")
    rewrite(directory, "manifest.json", lambda manifest: manifest.update(status="interrupted"))
    journal = directory / "journal.jsonl"
    journal.write_text("".join(line + "\n" for line in journal.read_text().splitlines()[:6]))
    assert {row["after"] for row in report_of(directory).rows("run-1-matrix")} == {"1", "2"}


def test_what_follows_from_the_matrix_stands_with_what_it_means(written):
    expected = [
        "Average accuracy 50.0% The mean over all experiences",
        "Forgetting 40.0% How far, on average,",
        "Backward transfer, BWT -40.0%",
        "Forward transfer, FWT 0.0%",
        "Plasticity 80.0%",
    ]
    assert [text for text in expected if text not in written.text] == []


def test_forgetting_stands_beside_what_the_experience_had_cost(tmp_path):
    directory = write_timeline(tmp_path / "run")
    segments = {"0": {EXPERIENCES[0]: 3.0, EXPERIENCES[1]: 1.0}, "2": {EXPERIENCES[0]: 2.0, EXPERIENCES[1]: 4.0}}
    spent = {client: {"max": max(own.values()), "per_segment": own} for client, own in segments.items()}
    rewrite(directory, "summary.json", lambda summary: summary["epsilon"].update(per_client=spent))
    rows = report_of(directory).rows("run-1-forgotten")
    assert [(row["forgot"], row["epsilon"]) for row in rows[:2]] == [("60.0%", "3.00"), ("40.0%", "4.00")]


def test_without_privacy_forgetting_stands_alone(tmp_path):
    rows = report_of(write_timeline(tmp_path / "run", private=False)).rows("run-1-forgotten")
    assert [row["forgot"] for row in rows] == ["60.0%", "40.0%", "20.0%"]
    assert not any("epsilon" in row for row in rows)


def test_the_budget_in_force_is_drawn_with_its_steps(written):
    budgets = [(row["round"], row["value"]) for row in written.rows("run-1-epsilon", "budget")]
    assert budgets == [(1, 8.0), (5, 9.0), (8, 9.0)]
    assert "the budget, 8 at first, 9 from round 5." in written.text


def test_clients_that_ran_out_are_marked(written):
    assert [(row["round"], row["text"]) for row in written.rows("run-1-epsilon", "retired")] == [(8, "client 0")]


def test_epsilon_is_drawn_by_segment_for_the_client_that_spent_most(tmp_path):
    directory = write_timeline(tmp_path / "run")
    most = {"0": {"max": 7.0, "per_segment": {}}}
    rewrite(directory, "summary.json", lambda summary: summary["epsilon"].update(per_client=most))
    page = report_of(directory)
    first = [row["value"] for row in page.rows("run-1-epsilon-by-segment") if row["segment"] == EXPERIENCES[0]]
    assert first == sorted(first)
    assert first[4:] == [first[4]] * 4
    marked = [(row["round"], row["segment"]) for row in page.rows("run-1-epsilon-by-segment", "retired")]
    assert (6, EXPERIENCES[0]) in marked


def test_the_answer_says_what_was_forgotten(written):
    said = (
        "On earlier experiences its accuracy fell by 40.0 points on average from their best, most on “classes 0, 1”, "
        "by 60.0 points."
    )
    assert said in written.text


def test_the_answer_says_what_was_known_of_an_experience_before_it_came(tmp_path, written):
    directory = write_timeline(tmp_path / "run")
    rewrite(
        directory,
        "manifest.json",
        lambda manifest: manifest["scenario"]["stream"].update(kind="domain-incremental", key="month"),
    )
    said = (
        "By experience, in the order in which they came: “classes 0, 1” 80.0% once learned, 20.0% at the end; “classes "
        "2, 3” 10.0% before it came, 80.0% once learned, 40.0% at the end; “classes 4, 5” 10.0% before it came, 80.0% "
        "once learned, 60.0% at the end; “classes 6, 7” 10.0% before it came, 80.0% once learned."
    )
    assert said in report_of(directory).text
    assert "before it came" not in written.text, "nothing is known of a class that nobody has shown"
    many = [[0.75 if on == after else 0.5 for on in range(7)] for after in range(7)]
    rewrite(directory, "matrix.json", lambda document: document.update(matrix=many, per_client={}))
    said = "On the experience that was to come next the model had 50.0% on average, and 75.0% once that was learned."
    assert said in report_of(directory).text


def test_statistics_are_said_to_know_no_order_and_to_unlearn_exactly(tmp_path, written):
    said = "it is the model that it would be had all that is in it come at once, but for the noise: the order"
    assert said not in written.text
    event = {"kind": "unlearn", "at": 7, "clients": [1], "method": "subtract-statistics"}
    directory = with_events(write_timeline(tmp_path / "run"), event)
    rewrite(
        directory,
        "manifest.json",
        lambda manifest: manifest["scenario"].update(learner={"kind": "additive-statistics"}),
    )
    text = report_of(directory).text
    assert said in text
    assert "The model is then as if these data had never been there, up to rounding." in text


def test_the_answer_says_what_became_of_data_that_are_used_no_more(tmp_path):
    directory = write_timeline(tmp_path / "run")
    rewrite(
        directory,
        "journal.jsonl",
        lambda line: line.get("round") == 8 and line["reports"]["0"].update(status="trained", reason=""),
    )
    said = (
        "1 piece of clients' data was used no more for want of budget: from round 6. From before the first of these "
        "went to the end accuracy went on “classes 0, 1” from 40.0% to 20.0%."
    )
    assert said in report_of(directory).text


def test_leaving_is_not_said_to_be_unlearning(written):
    said = "The backdoor succeeded in 70.0% before client 1 left in round 5, and in 50.0% at the end: leaving is not"
    assert said in written.text


def test_the_answer_says_what_a_rollback_achieved_and_cost(tmp_path):
    event = {"kind": "unlearn", "at": 5, "clients": [1], "method": "rollback"}
    page = report_of(with_events(write_timeline(tmp_path / "run"), event))
    assert "before client 1 was unlearned by rollback in round 5, and in 50.0% at the end." in page.text
    assert (
        "Unlearning client 1 by rollback took the mean of the accuracies on each experience that had begun before it "
        "from 70.0% to 50.0% in round 5; at the end it is 30.0%. What had been spent on unlearned data stays charged."
    ) in page.text
    assert "Thick: the accuracy on all test records that have come so far, each counting alike." in page.text


def test_without_a_stream_an_unlearning_took_the_accuracy_itself(tmp_path):
    event = {"kind": "unlearn", "at": 3, "clients": [1], "method": "rollback"}
    directory = with_events(write_run(tmp_path / "run", clients=2, rounds=4), event)
    rewrite(directory, "journal.jsonl", lambda line: line.update(accuracy={3: 0.4}.get(line.get("round"), 0.6)))
    page = report_of(directory)
    assert "by rollback took the accuracy from 60.0% to 40.0% in round 3; at the end it is 60.0%." in page.text


SUDDEN = {"kind": "drift", "at": 3, "shift": {"kind": "inversion"}, "pattern": "sudden"}
GRADUAL = {**SUDDEN, "until": 5, "pattern": "gradual"}


@pytest.mark.parametrize(
    ("drifts", "accuracies", "said"),
    [
        (
            [SUDDEN],
            [0.5, 0.8, 0.3, 0.2, 0.6, 0.7, 0.8, 0.9],
            "of round 3 the accuracy fell from 80.0% to 20.0% in round 4 and was back in round 7, 4 rounds after the",
        ),
        (
            [GRADUAL],
            [0.5, 0.8, 0.7, 0.3, 0.8, 0.8, 0.8, 0.9],
            "of rounds 3 to 5 the accuracy fell from 80.0% to 30.0% in round 4 and was back in round 6, 1 round after "
            "the drift was complete.",
        ),
        (
            [SUDDEN, {**SUDDEN, "at": 6}],
            [0.5, 0.8, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9],
            "fell from 80.0% to 30.0% in round 3 and was not back by round 5, which had 60.0%. With the drift of round "
            "6 the accuracy did not fall below the 60.0% of the round before.",
        ),
        (
            [{**SUDDEN, "until": 4}],
            [0.5, 0.8, 0.3, 0.4, 0.9, 0.9, 0.9, 0.9],
            "was not back by round 4, which had 40.0%.",
        ),
        (
            [{**SUDDEN, "pattern": "recurring", "period": 2}],
            [0.5, 0.8, 0.3, 0.4, 0.9, 0.9, 0.9, 0.9],
            "was not back by round 4, which had 40.0%.",
        ),
    ],
)
def test_the_answer_says_how_far_a_drift_took_the_accuracy_and_when_it_was_back(tmp_path, drifts, accuracies, said):
    directory = write_run(tmp_path / "run", clients=2, rounds=8)
    rewrite(directory, "manifest.json", lambda manifest: manifest["scenario"].update(event=drifts))
    rewrite(
        directory,
        "journal.jsonl",
        lambda line: line["kind"] == "round" and line.update(accuracy=accuracies[line["round"] - 1]),
    )
    assert said in report_of(directory).text


def test_a_drift_with_a_new_experience_is_not_compared_with_the_round_before(written):
    assert "With the drift" not in written.text


def test_a_leave_and_a_later_unlearning_are_told_apart(tmp_path):
    event = {"kind": "unlearn", "at": 7, "clients": [1], "method": "retrain"}
    page = report_of(with_events(write_timeline(tmp_path / "run"), event))
    assert "and in 50.0% in round 6: leaving is not unlearning." in page.text
    assert "After client 1 was unlearned by training anew in round 7 it succeeded in 50.0% at the end." in page.text


def test_training_on_is_not_said_to_be_unlearning(tmp_path):
    event = {"kind": "unlearn", "at": 4, "clients": [1], "method": "keep-training"}
    page = report_of(with_events(write_timeline(tmp_path / "run"), event))
    assert ": training on without its data is not unlearning." in page.text
    assert "what the model had learned from them is still in it" in page.text


def test_the_answer_says_who_ran_out_and_who_was_lost(written):
    assert "1 of 4 clients had no budget left before the end: from round 8." in written.text
    assert "Of 26 requests to clients 2 were lost and 1 came late." in written.text


def test_a_client_that_came_back_to_its_budget_has_not_run_out(tmp_path):
    directory = write_timeline(tmp_path / "run")
    rewrite(
        directory,
        "journal.jsonl",
        lambda line: (
            line.get("round") in (6, 8) and line["reports"]["0"].update(status="retired" * (line["round"] == 6))
        ),
    )
    said = "1 of 4 clients had nothing left for a while, until new data came or the budget was raised."
    assert said in report_of(directory).text


def test_a_round_in_which_nobody_was_asked_shows_no_update(tmp_path):
    directory = write_timeline(tmp_path / "run")
    rewrite(directory, "journal.jsonl", lambda line: line.update(seen={"updates": True}))
    rewrite(directory, "journal.jsonl", lambda line: line.get("round") == 4 and line.update(reports={}))
    assert "7 of 8 In so many rounds the server could read" in report_of(directory).text


def test_a_growing_label_space_is_said_to_tell_when_classes_came(tmp_path):
    directory = write_timeline(tmp_path / "run")
    rewrite(directory, "manifest.json", lambda manifest: manifest["scenario"]["stream"].update(label_space="observed"))
    assert "learns when each class was first held by anybody: the ε does not cover that." in report_of(directory).text


def test_a_run_that_stopped_early_says_why_and_what_it_was_tested_on(tmp_path):
    directory = write_timeline(tmp_path / "run")
    journal = directory / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text().splitlines()[:5]]
    lines[-1]["stopped"] = "the privacy budget of client 0 is spent"
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    text = report_of(directory).text
    assert "The run stopped after round 4 of 8: the privacy budget of client 0 is spent." in text
    assert "of those test records whose experience has come correctly" in text


def test_a_comparison_has_columns_for_streams_only_where_there_are_any(tmp_path):
    plain = write_run(tmp_path / "plain", clients=2, rounds=2, private=False)
    assert "Average accuracy" not in report_of(plain, plain).text
    page = report_of(write_timeline(tmp_path / "run"), plain)
    assert "Run Status Seed Accuracy Average accuracy Forgetting ε Rounds" in page.text
    assert "50.0% 40.0%" in page.text[: page.text.index("seed 7")]


def test_a_hundred_experiences_do_not_make_the_page_heavy(tmp_path):
    directory = write_timeline(tmp_path / "run")
    matrix = [[0.5] * 100] * 100
    rewrite(directory, "matrix.json", lambda document: document.update(matrix=matrix, per_client={}))
    page = report_of(directory)
    assert len(page.rows("run-1-matrix")) == 50 * 50
    assert len(page.html) < 1_500_000
