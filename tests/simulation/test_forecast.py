"""What a dry run foretells of budgets is what the run comes to: the same ledgers, retirements and end."""

import json

import pytest

from privacy.errors import RunFailed
from runs import ENCRYPTED, PRIVATE, SMALL, play, summary, write
from scenarios import source
from server.rounds import planning
from server.run_directory import journal
from server.run_directory.files import RunDirectory
from server.run_directory.opening import planned
from server.run_directory.summary import ledgers_of
from simulation import running
from simulation.dry_run import checking
from simulation.dry_run.forecast import forecast

TEN = SMALL.replace("rounds = 3", "rounds = 10").replace("quorum = 2", "quorum = 1")
STREAM = """
[stream]
kind = "class-incremental"
experiences = 3
rounds_per_experience = 2
"""
SIX = TEN.replace("rounds = 10", "rounds = 6") + STREAM
BUDGET = PRIVATE + 'budget = { epsilon = 2.5, on_exhausted = "%s" }\n'
RETIRE, STOP, SEGMENTS = BUDGET % "retire-client", BUDGET % "stop", BUDGET % "retire-segment"
UNLIKE = 'data.partition={ kind = "quantity", alpha = 1 }'


def happens(kind, at, *lines):
    return "\n".join(["[[event]]", f'kind = "{kind}"', f"at = {at}", *lines, ""])


LOWERED, RAISED = happens("budget", 3, "epsilon = 1.0"), happens("budget", 8, "epsilon = 3.5")
LOST = happens("dropout", 1, "rate = 0.5", "clients = [1, 2]")
LOST_AFTERWARDS = happens("dropout", 1, "rate = 0.5", "clients = [1, 2]", 'stage = "after-training"')
LATE = happens("straggle", 2, "clients = [0, 2]", "rounds = 2", 'late = "use"')
TOO_LATE = happens("straggle", 2, "until = 4", "clients = [0, 2]")
MIXED = (
    happens("budget", 2, "epsilon = 0.1")
    + happens("new-segment", 2, "clients = [0]", "share = 0.3", 'name = "late"')
    + happens("unlearn", 2, "clients = [0]", 'segments = ["all"]', 'method = "subtract-statistics"')
)
LONELY = MIXED.replace('clients = [0]\nsegments = ["all"]', "clients = [1]")
AWAY = happens("leave", 2, "until = 4", "clients = [1]")


def foreseen(path, *overrides):
    outlook = planned(source.read(str(path), list(overrides)))
    return forecast(outlook, planning.noise_by_client(outlook))


def require_equal(told, directory):
    """The forecast's ledgers, statuses and ending are those of the run's journal, client by client."""
    records = journal.read(directory.journal)
    spent = {int(client): rows for client, rows in ledgers_of(records).items()}
    assert {client: rows for client, rows in told.ledgers().items() if client in spent or rows} == spent
    rounds = [record for record in records if record["kind"] in ("round", "round-failed")]
    ending = (told.ending.round, told.ending.fails) if told.ending else (len(told.rounds), False)
    assert ending == (rounds[-1]["round"], rounds[-1]["kind"] == "round-failed")
    assert len(told.rounds) == len(rounds)
    for number, record in enumerate(rounds, start=1):
        statuses = {int(client): report["status"] for client, report in record["reports"].items()}
        heard = {client: "trained" if status in ("late", "rejected") else status for client, status in statuses.items()}
        assert told.statuses(number) == heard
        later = {"consolidate": told.rounds[number - 1][1]} if len(told.rounds[number - 1]) > 1 else {}
        assert {
            task: {client: answer.status for client, answer in answers.items()} for task, answers in later.items()
        } == _later(record["reports"])


def _later(reports):
    """The status of each client in each later task of a round, as foretold: the sum of one client is not opened."""
    found = {}
    for client, report in reports.items():
        for task, fate in report.get("then", {}).items():
            status = "trained" if fate["status"] == "rejected" else fate["status"]
            found.setdefault(task, {})[int(client)] = status
    return found


@pytest.mark.parametrize(
    ("text", "overrides"),
    [
        (TEN + RETIRE, []),
        (TEN + RETIRE, [UNLIKE]),
        (TEN + STOP, [UNLIKE, "privacy.budget.epsilon=6"]),
        (TEN + RETIRE, [UNLIKE, "federation.quorum=3"]),
        (TEN + RETIRE + LOST_AFTERWARDS, [UNLIKE, "federation.quorum=2"]),
        (TEN + SEGMENTS, [UNLIKE]),
        (TEN + RETIRE + LOWERED, []),
        (TEN + RETIRE + RAISED, []),
        (TEN + SEGMENTS + LOWERED + RAISED, [UNLIKE]),
        (TEN + RETIRE + LOST, ["privacy.budget.epsilon=1.5"]),
        (TEN + STOP + LOST, ["privacy.budget.epsilon=1.5"]),
        (TEN + RETIRE + LOST_AFTERWARDS, [UNLIKE]),
        (TEN + RETIRE + LATE, [UNLIKE]),
        (TEN + RETIRE + TOO_LATE + AWAY, []),
        (TEN + PRIVATE + LOST, []),
        (TEN + RETIRE, ['federation.sampling={ kind = "fixed", count = 2 }']),
        (TEN + RETIRE, ['federation.sampling={ kind = "poisson", rate = 0.4 }']),
        pytest.param(
            TEN + RETIRE,
            ["privacy.accountant=prv", "federation.rounds=2", "privacy.budget.epsilon=1.6"],
            marks=pytest.mark.slow,
        ),
        (TEN + RETIRE + RAISED, ["privacy.noise_multiplier=none", "privacy.epsilon=2.0"]),
        (TEN + RETIRE + LOWERED, ["privacy.noise_multiplier=none", "privacy.epsilon=2.0"]),
        ('learner = "cumulative"\n' + SIX + SEGMENTS, []),
        ('learner = "cumulative"\n' + SIX + SEGMENTS + LOST, ["privacy.budget.epsilon=1.5"]),
        ('learner = "cumulative"\n' + SIX + RETIRE, [UNLIKE]),
        ('learner = "cumulative"\n' + SIX + SEGMENTS + LOWERED.replace("1.0", "2.0"), ["privacy.budget.epsilon=4"]),
        ('learner = { kind = "replay", memory = 40 }\n' + SIX + SEGMENTS, []),
        ('learner = "ewc"\n' + SIX + SEGMENTS, []),
        ('learner = "ewc"\n' + SIX + RETIRE, []),
        ('learner = "ewc"\n' + SIX + RETIRE, ["privacy.budget.epsilon=2.9"]),
        ('learner = "ewc"\n' + SIX + RETIRE, ["privacy.budget.epsilon=4.3", "federation.quorum=3"]),
        ('learner = "ewc"\n' + SIX + STOP, ["privacy.budget.epsilon=2.9"]),
        ('learner = "ewc"\n' + SIX + STOP, ["privacy.budget.epsilon=3.4"]),
        ('learner = "ewc"\n' + SIX + SEGMENTS, ["privacy.budget.epsilon=2.9"]),
        ('learner = "ewc"\n' + SIX + RETIRE + ENCRYPTED, ["privacy.budget.epsilon=4.1"]),
        ('learner = "additive-statistics"\n' + SIX + RETIRE + LOWERED, []),
        ('learner = "additive-statistics"\n' + TEN + RETIRE + MIXED, ["privacy.noise_multiplier=5"]),
        ('learner = "additive-statistics"\n' + TEN + SEGMENTS + MIXED, ["privacy.noise_multiplier=5"]),
        ('learner = "additive-statistics"\n' + TEN + RETIRE + LONELY + ENCRYPTED, ["privacy.noise_multiplier=5"]),
        (TEN + RETIRE + ENCRYPTED, [UNLIKE, "federation.rounds=6", "privacy.budget.epsilon=2"]),
    ],
)
def test_what_is_foretold_is_what_is_spent(text, overrides, tmp_path):
    told = foreseen(write(tmp_path, text), *overrides)
    try:
        directory = play(tmp_path, text, *overrides)
    except RunFailed:
        assert told.ending is not None
        assert told.ending.fails
        directory = RunDirectory(tmp_path / "run")
    require_equal(told, directory)


def test_the_librarys_run_out_of_budget_as_foretold(tmp_path):
    told = foreseen("dp-sgd")
    require_equal(told, RunDirectory(running.start("dp-sgd", [], "local", 1, tmp_path / "run")))
    assert min(round_ for round_ in range(1, 41) if told.retired(round_)) == 16
    assert [round_ for round_ in range(1, 41) if not told.trains(round_)] == [36, 37, 38, 39, 40]


@pytest.mark.slow
def test_the_librarys_segments_run_out_of_budget_as_foretold(tmp_path):
    path = running.start("budget-runs-out", [], "local", 1, tmp_path / "run")
    require_equal(foreseen("budget-runs-out"), RunDirectory(path))


def lines(tmp_path, text, *overrides, round_=None):
    return list(checking.describe(str(write(tmp_path, text)), list(overrides), round_))


def plan(tmp_path, text, *overrides, round_=None):
    return json.loads(checking.as_json(str(write(tmp_path, text)), list(overrides), round_))


def warnings(told):
    return [line for line in told if "nobody" in line or line.startswith("the run ") or "the run fails" in line]


def test_check_says_what_each_client_will_have_spent_and_when_it_retires(tmp_path):
    told = lines(tmp_path, TEN + RETIRE)
    assert [line.split("steps, ")[1] for line in told if line.startswith("client ")] == [
        "planned epsilon 4.552, forecast 2.454, first retired in round 4",
        "planned epsilon 4.552, forecast 2.454, first retired in round 4",
        "planned epsilon 4.566, forecast 2.461, first retired in round 4",
        "planned epsilon 4.566, forecast 2.461, first retired in round 4",
    ]
    [fourth] = [line for line in told if line.startswith("round 4:")]
    assert fourth == "round 4: clients 0 1 2 3; retired all; 0.00 MB up; epsilon so far 2.461"
    assert lines(tmp_path, TEN + RETIRE, round_=4) == ["round 4: clients 0 1 2 3; retired all; 0.00 MB up"]
    assert warnings(told) == ["warning: nobody trains from round 4 on, to the end of the run: the budgets are spent"]


def test_check_in_json_has_the_summarys_epsilon(tmp_path):
    text = 'learner = "cumulative"\n' + SIX + SEGMENTS
    figures, told = summary(play(tmp_path, text))["epsilon"]["per_client"], plan(tmp_path, text)
    assert {client: one["forecast_epsilon"] for client, one in told["clients"].items()} == {
        client: spent["max"] for client, spent in figures.items()
    }
    for client, spent in figures.items():
        segments = told["clients"][client]["segments"]
        assert {name: segments[name]["forecast_epsilon"] for name in spent["per_segment"]} == spent["per_segment"]
    assert told["rounds"][-1]["forecast_epsilon"] == max(spent["max"] for spent in figures.values())
    assert plan(tmp_path, text, round_=3).items() <= told["rounds"][2].items()


def test_check_tells_which_segments_are_left_out(tmp_path):
    text = 'learner = "cumulative"\n' + SIX + SEGMENTS
    third = plan(tmp_path, text, round_=3)["forecast"]
    assert third == {
        "reached": True,
        "training": 4,
        "retired": [],
        "retired_segments": {"classes 0, 1, 2, 3": [0, 1, 3]},
        "skipping": [],
    }
    assert "; without classes 0, 1, 2, 3 of 0 1 3; " in lines(tmp_path, text, round_=3)[0]


def test_check_tells_who_trains_and_cannot_pay_for_consolidating(tmp_path):
    text, budget = 'learner = "ewc"\n' + SIX + RETIRE, "privacy.budget.epsilon=2.9"
    told = lines(tmp_path, text, budget)
    [second] = [line for line in told if line.startswith("round 2:")]
    assert "clients 0 1 2 3; retired 2 3; nobody consolidates; " in second
    assert "; not consolidating 2 3; " in lines(tmp_path, text, "privacy.budget.epsilon=4.3", round_=2)[0]
    assert not [line for line in told if "the run fails" in line]
    assert plan(tmp_path, text, budget)["rounds"][1]["forecast"] == {
        "reached": True,
        "training": 2,
        "retired": [2, 3],
        "retired_segments": {"classes 0, 1, 2, 3": [2, 3]},
        "skipping": [0, 1],
    }
    directory = play(tmp_path, text, budget)
    [second] = [record for record in journal.read(directory.journal) if record.get("round") == 2]
    assert second["reports"]["0"]["status"] == "trained"
    assert second["reports"]["0"]["then"]["consolidate"]["status"] == "retired"
    assert "budget is spent" in second["reports"]["0"]["then"]["consolidate"]["reason"]


@pytest.mark.parametrize(("budget", "vectors"), [(2.9, [1, 2, 1, 2, 1, 1]), (4.3, [1, 2, 3, 6, 3, 3])])
def test_check_counts_only_what_somebody_could_pay_for_as_sent_beside_the_model(budget, vectors, tmp_path):
    text, override = 'learner = "ewc"\n' + SIX + RETIRE, f"privacy.budget.epsilon={budget}"
    told = plan(tmp_path, text, override)
    assert [one["received_bytes"] / (4 * 4 * told["model"]["parameters"]) for one in told["rounds"]] == vectors
    records = journal.read(play(tmp_path, text, override).journal)
    sent = [_models(record["messages"]) for record in records if record["kind"] == "round"]
    assert [round(count / sent[0]) for count in sent] == vectors


def _models(messages):
    return sum(one["bytes"] for one in messages if one["name"].startswith("arrays."))


def test_check_ends_with_the_round_that_stops_the_run(tmp_path):
    told = lines(tmp_path, TEN + STOP)
    assert warnings(told) == [
        "warning: nobody trains in round 4: the budgets are spent",
        "the run stops after round 4: the privacy budget of client 0 is spent",
    ]
    assert [line.split(":")[0] for line in told if line.startswith("round ")][-1] == "round 4"
    told = lines(tmp_path, TEN + STOP, round_=5)
    assert told == ["round 5: not reached: the run stops after round 4: the privacy budget of client 0 is spent"]
    fifth = plan(tmp_path, TEN + STOP)["rounds"][4]
    assert (fifth["forecast"]["reached"], fifth["sent_bytes"], fifth["received_bytes"]) == (False, 0, 0)


def test_check_warns_of_the_round_in_which_too_few_are_left(tmp_path):
    told = lines(tmp_path, TEN + RETIRE, UNLIKE, "federation.quorum=3")
    with pytest.raises(RunFailed) as failed:
        play(tmp_path, TEN + RETIRE, UNLIKE, "federation.quorum=3")
    [warning] = warnings(told)
    assert warning.startswith("warning: the run fails in round ")
    assert str(failed.value).startswith(warning.removeprefix("warning: the run fails in "))


def test_a_budget_that_is_raised_is_no_end(tmp_path):
    assert warnings(lines(tmp_path, TEN + RETIRE + RAISED)) == [
        "warning: nobody trains in rounds 4-7: the budgets are spent"
    ]


def test_who_is_lost_before_training_is_foretold_to_spend_less_than_planned(tmp_path):
    event = happens("dropout", 2, "until = 2", "clients = [1]", "rate = 0.999999")
    clients = plan(tmp_path, TEN + PRIVATE + event)["clients"]
    assert clients["1"]["forecast_epsilon"] < clients["1"]["planned_epsilon"] == clients["0"]["planned_epsilon"]
    assert clients["0"]["forecast_epsilon"] == clients["0"]["planned_epsilon"]
    assert clients["1"]["first_retired"] is None


def test_without_a_limit_nothing_is_foretold_beside_the_plan(tmp_path):
    assert "forecast" not in "".join(lines(tmp_path, TEN + PRIVATE))
    told = plan(tmp_path, TEN)
    assert told["forecast"] is None
    assert {one["forecast"] for one in told["rounds"]} == {None}


def test_many_are_foretold_together(tmp_path):
    told = lines(tmp_path, TEN + RETIRE, "federation.clients=60", UNLIKE, "training.batch_size=10")
    [line] = [line for line in told if "first retired" in line]
    assert " of them first retired in round: 1 (" in line
    assert any(line.startswith("  forecast epsilon: ") for line in told)
    assert any(line.startswith("round 2: 60 clients: 0-59; retired ") for line in told)
