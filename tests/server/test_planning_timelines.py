"""Planning with events: who is lost, where the model goes back to, and each round by itself."""

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outlooks import outlook, scenario, segmented

from privacy.errors import ScenarioError
from server.rounds import planning

ROUNDS = 60
AT = st.integers(1, ROUNDS)
INCREMENTS = [("increment 1", 1, 300), ("increment 2", 2, 200), ("increment 3", 3, 100)]
DP = {"kind": "dp-sgd", "noise_multiplier": 1.0, "budget": {"epsilon": 8.0}}


def event(kind, at, **values):
    return {"kind": kind, "at": at, **values}


@st.composite
def timelines(draw):
    """A stream of three experiences with events; clients 0 to 2 stay throughout, 3 joins and 4 leaves."""
    events = [event("join", draw(AT), clients=[3]), event("leave", draw(AT), clients=[4])]
    for _ in range(draw(st.integers(0, 6))):
        at, client = draw(AT), [draw(st.integers(0, 2))]
        until = {} if draw(st.booleans()) else {"until": draw(st.integers(at, ROUNDS))}
        name = draw(st.sampled_from([name for name, _, _ in INCREMENTS]))
        method = draw(st.sampled_from(["retrain", "rollback", "keep-training"]))
        events.append(
            draw(
                st.sampled_from(
                    [
                        event("dropout", at, rate=0.4, **until),
                        event("straggle", at, clients=client, **until),
                        event("poison", at, clients=client, attack={"kind": "label-flip"}, **until),
                        event("budget", at, epsilon=2.0),
                        event("unlearn", at, clients=client, segments=[name], method=method),
                    ]
                )
            )
        )
    sampling = draw(st.sampled_from([{"kind": "all"}, {"kind": "fixed", "count": 2}, {"kind": "poisson", "rate": 0.5}]))
    learner = draw(st.sampled_from(["naive", "cumulative", "replay"]))
    return scenario(
        federation={"clients": 5, "rounds": ROUNDS, "sampling": sampling},
        stream={"kind": "data-incremental", "experiences": 3, "rounds_per_experience": 15},
        learner=learner,
        privacy=DP,
        event=draw(st.permutations(events)),
    )


@given(timelines(), st.lists(AT, min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_any_round_planned_alone_is_that_of_the_whole_run(planned, rounds):
    whole = segmented(planned, *[INCREMENTS] * 5)
    noise = dict.fromkeys(range(5), 1.0)
    plans = {round_: planning.plan_round(whole, noise, round_, "run") for round_ in range(1, ROUNDS + 1)}
    for round_ in rounds:
        alone = segmented(planned, *[INCREMENTS] * 5)
        assert planning.plan_round(alone, noise, round_, "run") == plans[round_]
        assert alone.lost(round_) == whole.lost(round_)
        assert alone.restart_round(round_) == whole.restart_round(round_)


@given(timelines())
@settings(max_examples=40, deadline=None)
def test_the_model_of_a_round_is_kept_where_a_later_one_goes_back_to_it(planned):
    whole = segmented(planned, *[INCREMENTS] * 5)
    backs = {round_: whole.restart_round(round_) for round_ in range(1, ROUNDS + 1)}
    assert {back for back in backs.values() if back is not None} == whole.kept_rounds
    assert all(back is None or back < round_ for round_, back in backs.items())


def test_a_rollback_goes_back_to_the_round_before_the_client_could_be_used():
    planned = scenario(event=[event("join", 3, clients=[3]), event("unlearn", 5, clients=[3], method="rollback")])
    assert [outlook(planned).restart_round(round_) for round_ in range(1, 7)] == [None, None, None, None, 2, None]
    assert outlook(planned).kept_rounds == {2}


def test_a_rollback_of_a_segment_goes_back_to_before_it_arrived():
    planned = scenario(
        federation={"clients": 1, "rounds": 6},
        stream={"kind": "data-incremental", "experiences": 3, "rounds_per_experience": 2},
        event=[event("unlearn", 6, clients=[0], segments=["increment 2"], method="rollback")],
    )
    assert segmented(planned, INCREMENTS).restart_round(6) == 2


def test_a_retrain_goes_back_to_the_beginning():
    planned = scenario(event=[event("unlearn", 5, clients=[3], method="retrain")])
    assert outlook(planned).restart_round(5) == 0


def test_further_training_goes_back_nowhere():
    planned = scenario(event=[event("unlearn", 5, clients=[3], method="keep-training")])
    assert outlook(planned).restart_round(5) is None
    assert list(outlook(planned).cohort(5, "train")) == [0, 1, 2]


def test_a_dropout_loses_clients_at_its_rate():
    planned = scenario(
        federation={"clients": 4, "rounds": 500}, event=[event("dropout", 1, rate=0.25, stage="after-training")]
    )
    lost = [outlook(planned).lost(round_) for round_ in range(1, 501)]
    # 2,000 coins of a quarter: 500 with a standard deviation of 19.
    assert abs(sum(map(len, lost)) - 500) < 100
    assert {how for one in lost for how in one.values()} == {"after-training"}
    assert len({tuple(one) for one in lost}) > 5


def test_who_is_late_to_no_use_is_lost_and_who_is_used_later_is_not():
    late = event("straggle", 1, clients=[1]), event("straggle", 1, clients=[2], late="use")
    assert outlook(scenario(event=late)).lost(1) == {1: "late"}


def test_too_few_that_are_left_are_refused_before_anything_runs():
    events = [event("straggle", 3, clients=[0, 1, 2])]
    planned = scenario(federation={"clients": 4, "rounds": 6, "quorum": 2}, event=events)
    with pytest.raises(ScenarioError, match=r"federation\.quorum: round 3 has 4 clients, of whom 3 drop out"):
        planning.require_quorum(outlook(planned))


def test_a_round_for_which_there_is_nobody_passes():
    planned = scenario(event=[event("leave", 3, until=3, clients=[0, 1, 2, 3])])
    planning.require_quorum(outlook(planned))
    assert planning.plan_round(outlook(planned), {}, 3, "run") == []


def test_a_client_without_records_of_the_experience_is_not_asked_for_them():
    planned = scenario(
        federation={"clients": 2, "rounds": 6},
        stream={"kind": "data-incremental", "experiences": 3, "rounds_per_experience": 2},
    )
    found = segmented(planned, INCREMENTS, INCREMENTS[:1])
    assert [list(found.cohort(round_, "train")) for round_ in range(1, 7)] == [[0, 1], [0, 1], [0], [0], [0], [0]]
    assert [plan.weight for plan in planning.plan_round(found, {}, 1, "run")] == [0.5, 0.5]


STATISTICS = {
    "model": {"kind": "random-features", "features": 20},
    "learner": "additive-statistics",
    "protection": {"kind": "homomorphic"},
}


def unlearnt(*clients, **tables):
    """All four clients release their statistics in round 1, and those of these are taken back in round 3."""
    events = [event("unlearn", 3, clients=list(clients), method="subtract-statistics")]
    return outlook(scenario(**{**STATISTICS, **tables}, event=events))


def test_statistics_of_one_client_alone_are_refused_under_a_protection_that_hides_them():
    expected = "protection.kind: in round 3 client 2 alone has statistics to release, and the sum would be its own; let"
    with pytest.raises(ScenarioError, match=expected):
        planning.require_quorum(unlearnt(2))
    planning.require_quorum(unlearnt(2, protection={"kind": "none"}))


def test_noise_does_not_make_one_client_s_statistics_a_sum():
    with pytest.raises(ScenarioError, match="in round 3 client 2 alone"):
        planning.require_quorum(unlearnt(2, privacy=DP))


def test_statistics_of_two_clients_are_summed_and_nobody_else_is_asked():
    planned = unlearnt(1, 2)
    planning.require_quorum(planned)
    assert [list(planned.cohort(round_, "statistics")) for round_ in range(1, 5)] == [[0, 1, 2, 3], [], [1, 2], []]
    assert [plan.weight for plan in planning.plan_round(planned, {}, 3, "run", task="statistics")] == [0.5, 0.5]


def test_unlearning_in_the_readme_goes_back_to_a_model_that_was_trained():
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)]
    [timeline] = [one for one in shown if "event" in one]
    plan = planning.outlook_of(scenario(federation={"clients": 4, "rounds": 50}, **timeline))
    [unlearning] = [one for one in timeline["event"] if one["kind"] == "unlearn"]
    assert plan.restart_round(unlearning["at"]) == 25
