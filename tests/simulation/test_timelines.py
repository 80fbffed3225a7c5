"""Small real runs in which data and clients come and go."""

import json

import pytest

from privacy import accounting, ledger
from privacy.errors import Rejected, RunFailed
from privacy.protections import homomorphic
from runs import ENCRYPTED, PRIVATE, SMALL, command, play, summary, typed, write
from scenarios.records import records_of
from server.rounds import federation
from server.run_directory import journal
from server.run_directory.files import RunDirectory
from simulation import running, verify
from simulation.dry_run import checking

STREAM = """
[stream]
kind = "class-incremental"
experiences = 3
rounds_per_experience = 2
"""

EVENTFUL = (
    'learner = { kind = "replay", memory = 40 }\n'
    + SMALL.replace("rounds = 3", "rounds = 6").replace("quorum = 2", "quorum = 1")
    + STREAM
    + """
[[event]]
kind = "drift"
at = 2
until = 4
pattern = "gradual"
shift = { kind = "inversion" }
[[event]]
kind = "poison"
at = 3
clients = [1]
attack = { kind = "backdoor", target = 0 }
boost = 2.0
[[event]]
kind = "straggle"
at = 2
until = 5
clients = [0, 2]
rounds = 2
late = "use"
[[event]]
kind = "dropout"
at = 2
rate = 0.5
[[event]]
kind = "unlearn"
at = 5
clients = [1]
method = "rollback"
"""
)


def happens(kind, at, *lines):
    return "\n".join(["[[event]]", f'kind = "{kind}"', f"at = {at}", *lines, ""])


def rounds_of(directory):
    return [record for record in journal.read(directory.journal) if record["kind"] == "round"]


def statuses(directory, client):
    reports = [one["reports"].get(str(client)) for one in rounds_of(directory)]
    return [None if report is None else report["status"] for report in reports]


def ledgers(directory, client):
    """A client's ledger after each round in which it was asked."""
    reports = [one["reports"].get(str(client)) for one in rounds_of(directory)]
    return [ledger.from_rows(report["ledger"]) for report in reports if report is not None]


def steps(directory, client):
    return [sum(row.steps for row in rows) for rows in ledgers(directory, client)]


@pytest.fixture(scope="module")
def eventful(tmp_path_factory):
    return play(tmp_path_factory.mktemp("eventful"), EVENTFUL + PRIVATE)


def told(directory):
    """What must not depend on how a run was played: all of the journal but what is measured."""
    measured = {"seconds", "train_seconds", "hash", "previous", "run", "sent_bytes", "received_bytes"}
    lines = []
    for record in journal.read(directory.journal):
        kept = {name: value for name, value in record.items() if name not in measured}
        reports = record.get("reports", {})
        kept["reports"] = {
            client: {name: value for name, value in report.items() if name not in measured}
            for client, report in reports.items()
        }
        lines.append(kept)
    return lines


def matrix_of(directory):
    return json.loads((directory.path / "matrix.json").read_text(encoding="utf-8"))


def test_a_run_with_everything_in_it_is_whole(eventful):
    assert verify.problems(eventful.path) == []
    figures = summary(eventful)
    assert figures["status"] == "completed"
    assert figures["forgetting"] is not None
    assert 0 <= figures["backdoor_success"] <= 1
    assert "late" in statuses(eventful, 2) + statuses(eventful, 0)
    assert "dropped" in statuses(eventful, 0) + statuses(eventful, 3)
    assert statuses(eventful, 1)[4:] == [None, None]


def test_the_round_in_which_the_model_goes_back_says_where_to(eventful):
    # Client 1 was there from the first round on.
    assert [one.get("restarts_from") for one in rounds_of(eventful)] == [None, None, None, None, 0, None]


def test_the_share_of_the_most_common_class_is_of_the_test_records_that_have_come(eventful):
    scenario = eventful.read_scenario()
    dataset, test = records_of(scenario).dataset, records_of(scenario).division.test
    labels, of = dataset.labels[test], records_of(scenario).division.experiences.of[test]
    expected = []
    for experience in (1, 1, 2, 2, 3, 3):
        come = labels[of <= experience].tolist()
        expected.append(max(map(come.count, come)) / len(come))
    assert expected[0] > 0.2 > expected[-1]
    assert [one["majority"] for one in rounds_of(eventful)] == pytest.approx(expected)
    assert summary(eventful)["majority"] == pytest.approx(expected[-1])


def test_it_has_the_same_bits_on_two_workers(eventful, tmp_path):
    again = play(tmp_path, EVENTFUL + PRIVATE, workers=2)
    assert summary(again)["final_sha256"] == summary(eventful)["final_sha256"]
    assert told(again) == told(eventful)
    assert matrix_of(again) == matrix_of(eventful)


@pytest.mark.parametrize("last", [1, 2, 3, 4, 5])
def test_stopped_after_any_round_it_goes_on_to_the_same_bits_ledgers_and_matrix(last, eventful, tmp_path, monkeypatch):
    played = federation.Federation._play_round

    def stopping(self, round_):
        if round_ == last + 1:
            raise KeyboardInterrupt
        played(self, round_)

    monkeypatch.setattr(federation.Federation, "_play_round", stopping)
    with pytest.raises((RunFailed, KeyboardInterrupt)):
        play(tmp_path, EVENTFUL + PRIVATE)
    monkeypatch.undo()
    running.resume(tmp_path / "run", 1)
    resumed = RunDirectory(tmp_path / "run")
    assert summary(resumed)["final_sha256"] == summary(eventful)["final_sha256"]
    assert summary(resumed)["epsilon"] == summary(eventful)["epsilon"]
    assert told(resumed) == told(eventful)
    assert matrix_of(resumed) == matrix_of(eventful)
    assert verify.problems(resumed.path) == []


def test_a_dry_run_gives_the_same_bytes_twice(tmp_path):
    path = str(write(tmp_path, EVENTFUL + PRIVATE))
    once = checking.as_json(path, [])
    assert checking.as_json(path, []) == once
    plan = json.loads(once)
    assert [one["experience"] for one in plan["rounds"]] == [1, 1, 2, 2, 3, 3]
    assert plan["rounds"][4]["restarts_from"] == 0
    assert json.loads(checking.as_json(path, [], 4)).items() <= plan["rounds"][3].items()


def test_a_dry_run_calls_only_those_lost_that_are_asked(tmp_path):
    events = happens("leave", 2, "clients = [1]") + happens("straggle", 1, "clients = [0]")
    text = SMALL + events + happens("dropout", 1, "rate = 0.999999", "clients = [1, 2]")
    plan = json.loads(checking.as_json(str(write(tmp_path, text)), ["federation.quorum=1"]))
    assert [one["lost"] for one in plan["rounds"]] == [
        {"0": "late", "1": "before-training", "2": "before-training"},
        {"0": "late", "2": "before-training"},
        {"0": "late", "2": "before-training"},
    ]


EVERYBODY = "clients = [0, 1, 2, 3]"


@pytest.mark.parametrize(
    ("events", "warned"),
    [
        (happens("leave", 3, "clients = [0, 1]"), []),
        (
            happens("leave", 3, "clients = [0, 1]") + happens("leave", 5, "clients = [2, 3]"),
            ["warning: nobody is left to take part from round 5 on, to the end of the run"],
        ),
        (
            happens("unlearn", 6, EVERYBODY, 'method = "keep-training"'),
            ["warning: nobody is left to take part from round 6 on, to the end of the run"],
        ),
        (happens("leave", 2, "until = 3", EVERYBODY), ["warning: nobody takes part in rounds 2-3"]),
        (
            happens("join", 2, EVERYBODY) + happens("leave", 4, EVERYBODY),
            [
                "warning: nobody takes part in round 1",
                "warning: nobody is left to take part from round 4 on, to the end of the run",
            ],
        ),
    ],
)
def test_a_dry_run_warns_of_rounds_that_are_left_without_anybody(tmp_path, events, warned):
    path = str(write(tmp_path, SMALL.replace("rounds = 3", "rounds = 6") + events))
    assert [line for line in checking.describe(path, []) if "warning" in line] == warned


@pytest.mark.parametrize(("event", "warnings"), [("", 0), (happens("leave", 3, EVERYBODY), 1)])
def test_who_has_released_its_statistics_is_still_there(tmp_path, event, warnings):
    path = str(write(tmp_path, 'learner = { kind = "additive-statistics" }\n' + SMALL + event))
    told = list(checking.describe(path, []))
    assert "round 2: clients none; 0.00 MB up" in told
    assert sum("nobody" in line for line in told) == warnings


def test_statistics_of_the_only_client_that_is_left_are_not_opened(tmp_path, monkeypatch):
    send = homomorphic._send_update

    def lost(protection, side, fields):
        if (side.client, side.round) == (2, 2):
            raise Rejected("the disk is full")
        return send(protection, side, fields)

    monkeypatch.setattr(homomorphic, "_send_update", lost)
    event = happens("unlearn", 2, "clients = [1, 2]", 'method = "subtract-statistics"')
    text = 'learner = { kind = "additive-statistics" }\n' + SMALL + ENCRYPTED + event
    with pytest.raises(RunFailed, match=r"round 2: 0 usable updates.*a sum of 1 client would show.*the disk is full"):
        play(tmp_path, text, "federation.quorum=1")


def test_statistics_that_one_client_alone_is_left_to_take_back_do_not_stay_unsaid(tmp_path):
    events = (
        happens("budget", 2, "epsilon = 0.1")
        + happens("new-segment", 2, "clients = [0]", "share = 0.3", 'name = "late"')
        + happens("unlearn", 2, "clients = [1]", 'method = "subtract-statistics"')
    )
    text = 'learner = "additive-statistics"\n' + TEN + BUDGET % "retire-client" + ENCRYPTED + events
    overrides = "federation.clients=2", "privacy.noise_multiplier=5"
    warned = list(checking.describe(str(write(tmp_path, text)), overrides))
    assert "warning: the run fails in round 2: 0 usable updates, below the quorum of 1" in warned
    with pytest.raises(RunFailed, match=r"round 2: 0 usable updates.*client 1: .*a sum of 1 client would show"):
        play(tmp_path, text, *overrides)


def test_who_has_released_nothing_is_no_company_for_a_client_that_takes_statistics_back(tmp_path):
    refused = happens("budget", 2, "epsilon = 0.1") + happens("join", 3, "clients = [2, 3]")
    text = 'learner = "additive-statistics"\n' + TEN + BUDGET % "retire-client" + ENCRYPTED + refused
    overrides = "federation.rounds=4", "privacy.noise_multiplier=5"
    both = happens("unlearn", 4, "clients = [2, 3]", 'method = "subtract-statistics"')
    directory = play(tmp_path, text + both, *overrides, out="both")
    *_, third, fourth = rounds_of(directory)
    assert [fourth["reports"][client]["weight"] for client in "23"] == [0, 0]
    assert fourth["model_sha256"] == third["model_sha256"]
    alone = happens("unlearn", 4, "clients = [0, 2]", 'method = "subtract-statistics"')
    warned = list(checking.describe(str(write(tmp_path, text + alone)), overrides))
    assert "warning: the run fails in round 4: 0 usable updates, below the quorum of 1" in warned
    with pytest.raises(RunFailed, match=r"round 4: 0 usable updates.*a sum of 1 client would show"):
        play(tmp_path, text + alone, *overrides)


def test_a_dry_run_in_another_process_gives_the_same_bytes(tmp_path):
    path = write(tmp_path, EVENTFUL + PRIVATE)
    assert command("check", path, "--json").stdout.rstrip("\n") == checking.as_json(str(path), [])


def test_what_is_planned_is_what_is_spent(tmp_path):
    text = 'learner = { kind = "replay", memory = 40 }\n' + SMALL.replace("rounds = 3", "rounds = 6") + STREAM + PRIVATE
    directory = play(tmp_path, text)
    plan = json.loads(checking.as_json(str(tmp_path / "scenario.toml"), []))
    spent = summary(directory)["epsilon"]["per_client"]
    for client, told_ in plan["clients"].items():
        assert spent[client]["max"] == pytest.approx(told_["planned_epsilon"])
        assert spent[client]["per_segment"] == pytest.approx(
            {name: segment["planned_epsilon"] for name, segment in told_["segments"].items()}
        )


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (("leave", 3, "clients = [9]"), ":19: event[0].clients: there is no client 9"),
        (("leave", 9, "clients = [1]"), ":18: event[0].at: round 9 lies outside the run"),
        (("unlearn", 3, "clients = [1]", 'segments = ["x"]', 'method = "rollback"'), "event[0].segments: client 1"),
        (("poison", 2, "clients = [1]", 'attack = { kind = "backdoor", target = 10 }'), "event[0]: target must be"),
    ],
)
def test_a_timeline_that_cannot_happen_exits_with_two(event, reason, tmp_path):
    result = typed("run", write(tmp_path, SMALL.lstrip() + happens(*event)), "--out", tmp_path / "run")
    assert result.returncode == 2
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


# Budgets. 288 records or so in batches of 60: 5 steps a round for each client.

BUDGET = """
[privacy]
kind = "dp-sgd"
noise_multiplier = 1.5
delta = 1e-4
budget = { epsilon = 2.5, on_exhausted = "%s" }
"""
TEN = SMALL.replace("rounds = 3", "rounds = 10").replace("quorum = 2", "quorum = 1")


def most_spent(directory):
    """The largest epsilon of each round, from the rows alone."""
    return [
        max(accounting.epsilon(ledger.from_rows(report["ledger"]), 1e-4) for report in one["reports"].values())
        for one in rounds_of(directory)
    ]


@pytest.mark.parametrize("on_exhausted", ["retire-client", "retire-segment", "stop"])
def test_no_round_ever_goes_beyond_the_budget(on_exhausted, tmp_path):
    directory = play(tmp_path, TEN + BUDGET % on_exhausted)
    spent = most_spent(directory)
    assert all(value <= 2.5 for value in spent)
    assert spent == sorted(spent)
    assert summary(directory)["epsilon"]["max"] <= 2.5
    assert "retired" in statuses(directory, 0)
    assert verify.problems(directory.path) == []


def test_a_retired_client_has_spent_its_last_step(tmp_path):
    directory = play(tmp_path, TEN + BUDGET % "retire-client")
    taken = steps(directory, 0)
    [row] = ledgers(directory, 0)[-1]
    one_more = type(row)(row.segment, row.mechanism, row.noise_multiplier, row.sampling_rate, row.steps + 1)
    assert accounting.epsilon((row,), 1e-4) <= 2.5 < accounting.epsilon((one_more,), 1e-4)
    first = statuses(directory, 0).index("retired")
    assert taken[first - 1] - taken[first - 2] <= taken[0]
    assert set(statuses(directory, 0)[first:]) == {"retired"}
    assert set(taken[first - 1 :]) == {row.steps}


def test_stop_ends_the_run_with_the_round_in_which_a_client_has_nothing_left(tmp_path):
    directory = play(tmp_path, TEN + BUDGET % "stop")
    rounds = rounds_of(directory)
    assert len(rounds) < 10
    assert rounds[-1]["stopped"] == "the privacy budget of client 0 is spent"
    assert not any("stopped" in one for one in rounds[:-1])
    assert summary(directory)["status"] == "completed"


def test_a_retired_segment_leaves_the_clients_others_in_use(tmp_path):
    text = TEN.replace("rounds = 10", "rounds = 6") + STREAM + BUDGET % "retire-segment"
    directory = play(tmp_path, 'learner = "cumulative"\n' + text)
    per_segment = summary(directory)["epsilon"]["per_client"]["0"]["per_segment"]
    assert all(value <= 2.5 for value in per_segment.values())
    last_two = ledgers(directory, 0)[-2:]
    grown = {row.segment for row in set(last_two[1]) - set(last_two[0])}
    assert 0 < len(grown) < len(per_segment)


def test_a_cap_that_is_lowered_below_what_one_segment_spent_leaves_the_others_in_use(tmp_path):
    text = TEN.replace("rounds = 10", "rounds = 6") + STREAM + BUDGET % "retire-segment"
    lowered = happens("budget", 3, "epsilon = 2.0")
    directory = play(tmp_path, 'learner = "cumulative"\n' + text + lowered, "privacy.budget.epsilon=4")
    before = accounting.epsilon_by_segment(ledgers(directory, 1)[1], 1e-4)
    spent = accounting.epsilon_by_segment(ledgers(directory, 1)[-1], 1e-4)
    [first] = before
    assert spent[first] == before[first] > 2.0
    assert len(spent) > 1
    assert all(0 < value <= 2.0 for name, value in spent.items() if name != first)
    assert verify.problems(directory.path) == []


def test_statistics_that_were_released_are_not_said_to_have_run_out_of_budget(tmp_path):
    arriving = happens("new-segment", 2, "clients = [0]", "share = 0.3", 'name = "late"')
    text = 'learner = "additive-statistics"\n' + TEN + BUDGET % "retire-segment" + arriving
    directory = play(tmp_path, text, "federation.rounds=3", "privacy.noise_multiplier=5")
    assert len(steps(directory, 0)) == 2
    assert "for want of budget" not in directory.report.read_text(encoding="utf-8")


def test_a_budget_that_is_raised_lets_retired_clients_go_on(tmp_path):
    directory = play(tmp_path, TEN + BUDGET % "retire-client" + happens("budget", 8, "epsilon = 3.5"))
    spent = most_spent(directory)
    assert all(value <= 2.5 for value in spent[:7])
    assert statuses(directory, 0)[6] == "retired"
    assert statuses(directory, 0)[7] == "trained"
    assert 2.5 < spent[-1] <= 3.5


def test_statistics_that_no_budget_paid_for_are_not_asked_for_again(tmp_path):
    text = 'learner = "additive-statistics"\n' + TEN + BUDGET % "retire-client" + happens("budget", 2, "epsilon = 5.0")
    directory = play(tmp_path, text, "federation.rounds=2", "privacy.noise_multiplier=5", "privacy.budget.epsilon=0.1")
    assert statuses(directory, 0) == ["retired", None]


def test_a_budget_that_is_lowered_ends_the_charges_at_once(tmp_path):
    directory = play(tmp_path, TEN + BUDGET % "retire-client" + happens("budget", 3, "epsilon = 1.0"))
    assert statuses(directory, 0)[:3] == ["trained", "trained", "retired"]
    assert len(set(steps(directory, 0)[1:])) == 1


# Clients that are lost, and clients that are late.


def test_who_drops_out_before_training_has_spent_nothing(tmp_path):
    event = happens("dropout", 2, "until = 2", "clients = [1]", "rate = 0.999999")
    directory = play(tmp_path, SMALL + PRIVATE + event)
    assert statuses(directory, 1) == ["trained", "dropped", "trained"]
    once = steps(directory, 1)[0]
    # The server takes the worst for spent until the client tells better.
    assert steps(directory, 1) == [once, 2 * once, 2 * once]
    assert steps(directory, 0) == [once, 2 * once, 3 * once]


def test_who_is_lost_after_training_is_charged(tmp_path):
    event = happens("dropout", 2, "until = 2", "clients = [1]", "rate = 0.999999", 'stage = "after-training"')
    directory = play(tmp_path, SMALL + PRIVATE + event)
    assert statuses(directory, 1) == ["trained", "dropped", "trained"]
    once = steps(directory, 1)[0]
    assert steps(directory, 1) == [once, 2 * once, 3 * once]


def test_what_is_lost_leaves_the_model_of_those_that_came(tmp_path):
    lost = "clients = [1]", "rate = 0.999999"
    before = play(tmp_path, SMALL + happens("dropout", 1, *lost), "federation.rounds=1", out="before")
    after = play(
        tmp_path, SMALL + happens("dropout", 1, *lost, 'stage = "after-training"'), "federation.rounds=1", out="after"
    )
    late = play(tmp_path, SMALL + happens("straggle", 1, "clients = [1]"), "federation.rounds=1", out="late")
    shas = {summary(directory)["final_sha256"] for directory in (before, after, late)}
    assert len(shas) == 1
    assert shas != {summary(play(tmp_path, SMALL, "federation.rounds=1", out="whole"))["final_sha256"]}


def test_a_late_reply_that_is_dropped_is_charged(tmp_path):
    directory = play(tmp_path, SMALL + PRIVATE + happens("straggle", 2, "until = 2", "clients = [1]"))
    assert statuses(directory, 1) == ["trained", "dropped", "trained"]
    assert steps(directory, 1) == steps(directory, 0)


def test_a_late_reply_that_is_used_comes_in_its_round(tmp_path):
    event = happens("straggle", 1, "until = 1", "clients = [1]", "rounds = 2", 'late = "use"')
    used = play(tmp_path, SMALL + event, out="used")
    dropped = play(tmp_path, SMALL + event.replace('"use"', '"drop"'), out="dropped")
    assert statuses(used, 1) == ["late", "trained", "trained"]
    assert rounds_of(used)[0]["reports"]["1"]["reason"] == "comes in round 3"
    same = [
        # Both average the others; the update that is taken out of a sum again leaves a rounding error.
        one["loss"] == pytest.approx(other["loss"], rel=1e-5)
        for one, other in zip(rounds_of(used), rounds_of(dropped), strict=True)
    ]
    assert same == [True, True, False]


def test_a_late_reply_costs_what_one_in_time_does(tmp_path):
    event = happens("straggle", 1, "until = 1", "clients = [1]", "rounds = 2", 'late = "use"')
    used = play(tmp_path, SMALL + PRIVATE + event, out="used")
    dropped = play(tmp_path, SMALL + PRIVATE + event.replace('"use"', '"drop"'), out="dropped")
    assert steps(used, 1) == steps(dropped, 1)


def test_a_sum_under_encryption_goes_on_without_those_who_drop_out(tmp_path):
    event = happens("dropout", 2, "clients = [1]", "rate = 0.999999")
    directory = play(tmp_path, SMALL + PRIVATE + ENCRYPTED + event, "federation.rounds=2")
    assert statuses(directory, 1) == ["trained", "dropped"]
    assert not any(one["seen"]["updates"] for one in rounds_of(directory))


# Unlearning.


def models(directory):
    """The name of the model after each round."""
    return [one["model_sha256"] for one in rounds_of(directory)]


NOBODY = happens("leave", 5, "until = 5", "clients = [0, 1, 2]")
JOINS = happens("join", 3, "clients = [3]")


def test_after_a_rollback_the_model_is_what_it_was_without_the_client(tmp_path):
    unlearned = SMALL + JOINS + NOBODY + happens("unlearn", 5, "clients = [3]", 'method = "rollback"')
    never = SMALL + happens("join", 6, "clients = [3]")
    directory = play(tmp_path, unlearned, "federation.rounds=6", out="unlearned")
    other = play(tmp_path, never, "federation.rounds=6", out="never")
    # Nobody trains in round 5: its model is the one that was gone back to.
    assert models(directory)[4] == models(other)[1] == models(directory)[1]
    assert models(directory)[2] != models(other)[2]
    assert statuses(directory, 3) == [None, None, "trained", "trained", None, None]


def test_after_a_retrain_the_model_begins_anew(tmp_path):
    text = SMALL + NOBODY.replace("[0, 1, 2]", "[0, 1, 2, 3]")
    event = happens("unlearn", 5, "clients = [3]", 'method = "retrain"')
    retrained = play(tmp_path, text + event, "federation.rounds=5", out="retrained")
    untrained = play(tmp_path, SMALL + happens("leave", 1, "clients = [0, 1, 2, 3]"), "federation.rounds=1", out="u")
    assert models(retrained)[4] == models(untrained)[0]


def test_what_was_unlearned_does_not_come_back_with_a_later_rollback(tmp_path):
    # Client 2 joins in round 2 and client 3 in round 3; they are unlearned in the rounds 4 and 6.
    joins = happens("join", 2, "clients = [2]") + happens("join", 3, "clients = [3]")
    first = happens("unlearn", 4, "clients = [2]", 'method = "rollback"')
    second = happens("unlearn", 6, "clients = [3]", 'method = "rollback"')
    nobody = NOBODY.replace("5", "6").replace("[0, 1, 2]", "[0, 1]")
    directory = play(tmp_path, SMALL + joins + first + second + nobody, "federation.rounds=6")
    assert models(directory)[5] == models(directory)[0]


def test_unlearning_refunds_nothing(tmp_path):
    event = happens("unlearn", 3, "clients = [1]", 'method = "retrain"')
    directory = play(tmp_path, SMALL + PRIVATE + event)
    assert statuses(directory, 1) == ["trained", "trained", None]
    spent = summary(directory)["epsilon"]["per_client"]["1"]["max"]
    assert spent == pytest.approx(accounting.epsilon(ledgers(directory, 1)[-1], 1e-4))
    assert spent > 0


def test_a_client_that_leaves_and_comes_back_takes_part_again(tmp_path):
    directory = play(tmp_path, SMALL + PRIVATE + happens("leave", 2, "until = 2", "clients = [1]"))
    assert statuses(directory, 1) == ["trained", None, "trained"]
    once, twice = steps(directory, 1)
    assert twice == 2 * once
    assert [len(one["cohort"]) for one in rounds_of(directory)] == [4, 3, 4]


def test_the_ledger_has_a_row_for_each_segment_and_rate(tmp_path):
    text = 'learner = { kind = "replay", memory = 40 }\n' + SMALL.replace("rounds = 3", "rounds = 4")
    directory = play(tmp_path, text + STREAM.replace("experiences = 3", "experiences = 2") + PRIVATE)
    rows = ledgers(directory, 0)[-1]
    old, new = "classes 0, 1, 2, 3, 4", "classes 5, 6, 7, 8, 9"
    assert [row.segment for row in rows] == [old, new, old]
    replayed, fresh = rows[2], rows[1]
    assert replayed.sampling_rate == fresh.sampling_rate < rows[0].sampling_rate * 1.1
    assert replayed.steps == fresh.steps


def test_a_round_of_spent_and_lost_clients_passes_without_an_update(tmp_path):
    lost = happens("dropout", 1, "clients = [0]", "rate = 0.9")
    directory = play(tmp_path, TEN + BUDGET % "retire-client" + lost, "federation.clients=2", "federation.quorum=1")
    both = [{report["status"] for report in one["reports"].values()} for one in rounds_of(directory)]
    assert {"retired", "dropped"} in both
    assert len({one["model_sha256"] for one in rounds_of(directory)[-2:]}) == 1


REFUSED_THEN_UNLEARNED = """
format = 1
name = "refused"
seed = 7
data = { dataset = "digits" }
model = { kind = "random-features", features = 20 }
federation = { clients = 3, rounds = 4 }
learner = { kind = "additive-statistics" }
[privacy]
kind = "dp-sgd"
noise_multiplier = 5.0
delta = 1e-4
budget = { epsilon = 2.0, on_exhausted = "retire-client" }
[[event]]
at = 2
kind = "budget"
epsilon = 0.1
[[event]]
at = 3
kind = "join"
clients = [2]
[[event]]
at = 4
kind = "unlearn"
clients = [CLIENT]
method = "subtract-statistics"
"""


@pytest.mark.parametrize("on_exhausted", ["retire-client", "retire-segment"])
def test_what_a_client_cannot_pay_for_does_not_keep_it_from_taking_back(on_exhausted, tmp_path):
    events = (
        happens("budget", 2, "epsilon = 0.1")
        + happens("new-segment", 2, "clients = [0]", "share = 0.3", 'name = "late"')
        + happens("unlearn", 2, "clients = [0]", 'segments = ["all"]', 'method = "subtract-statistics"')
    )
    text = 'learner = "additive-statistics"\n' + TEN + BUDGET % on_exhausted + events
    overrides = "federation.clients=2", "federation.rounds=2", "privacy.noise_multiplier=5"
    directory = play(tmp_path, text, *overrides)
    assert statuses(directory, 0) == ["trained", "trained"]
    assert [row.segment for row in ledgers(directory, 0)[-1]] == ["all"]
    assert any("; without late; " in line for line in checking.describe(str(tmp_path / "scenario.toml"), overrides))
    assert rounds_of(directory)[1]["model_sha256"] != rounds_of(directory)[0]["model_sha256"]


@pytest.mark.parametrize(("client", "taken_back"), [(2, False), (0, True)])
def test_only_what_was_released_is_taken_back_and_that_whatever_the_budget(client, taken_back, tmp_path):
    directory = play(tmp_path, REFUSED_THEN_UNLEARNED.replace("CLIENT", str(client)))
    rounds = [record for record in journal.read(directory.journal) if record["kind"] == "round"]
    assert rounds[2]["reports"]["2"]["status"] == "retired"
    told = rounds[3]["reports"][str(client)]
    assert told["status"] == "trained"
    assert [row["segment"] for row in told["ledger"]] == (["all"] if taken_back else [])
    assert (rounds[3]["model_sha256"] != rounds[2]["model_sha256"]) == taken_back
