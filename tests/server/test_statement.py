"""What a run promises, in words, and on which assumptions."""

import json

import pytest

from scenarios.schema import Scenario
from server.rounds import planning
from server.run_directory import statement

PLAIN = {
    "format": 1,
    "name": "plain",
    "data": {"dataset": "digits"},
    "model": "logistic",
    "federation": {"clients": 4, "rounds": 6},
    "privacy": {"kind": "dp-sgd", "noise_multiplier": 1.0},
}
STREAM = {"kind": "class-incremental", "experiences": 2, "rounds_per_experience": 3}


def promised(**more):
    """The statement and the assumptions, each as one text."""
    guarantee = statement.guarantee(Scenario.model_validate({**PLAIN, **more}))
    return guarantee["statement"], "; ".join(guarantee["assumptions"])


def test_without_a_timeline_nothing_is_said_of_one():
    said, assumed = promised()
    assert "segment" not in said + assumed
    assert "timeline" not in assumed


def test_without_differential_privacy_nothing_is_promised():
    assert statement.guarantee(Scenario.model_validate({**PLAIN, "privacy": "none"})) is None


def test_the_stamp_of_seeded_noise_says_who_is_sent_the_seed():
    scenario = Scenario.model_validate({**PLAIN, "seed": 4711})
    outlook = planning.outlook_of(scenario)
    plans = planning.plan_round(outlook, planning.noise_by_client(outlook), 1, "a-run")
    assert [json.loads(plan.to_fields()["scenario"])["seed"] for plan in plans] == [4711] * 4
    assert statement.stamp(scenario).endswith("anyone who knows the seed, which the server and every client are sent")
    assert "come from a seed, known to none of those against whom this holds" in promised()[1]


def test_noise_from_the_system_is_not_stamped():
    private = {**PLAIN["privacy"], "noise_source": "system"}
    assert statement.stamp(Scenario.model_validate({**PLAIN, "privacy": private})) is None
    assert "come from the operating system's entropy" in promised(privacy=private)[1]


@pytest.mark.parametrize(
    "more",
    [{"stream": STREAM}, {"event": [{"kind": "new-segment", "at": 2, "clients": [0], "share": 0.5, "name": "more"}]}],
)
def test_data_in_pieces_rest_on_how_they_are_cut(more):
    said, assumed = promised(**more)
    assert "epsilon is that of the dearest segment" in said
    assert "which segment a record is in depends on no other record" in assumed
    assert "how many records of each class a client holds in each segment is public" in assumed


def test_a_label_space_that_grows_gives_away_when_classes_came():
    assert "when anybody first holds a class is public" in promised(stream={**STREAM, "label_space": "observed"})[1]
    assert "when anybody first holds a class" not in promised(stream=STREAM)[1]


def test_a_replay_memory_rests_on_a_draw_for_each_record_alone():
    assert "a draw for that record alone" in promised(stream=STREAM, learner={"kind": "replay"})[1]


def test_unlearning_refunds_nothing():
    event = {"kind": "unlearn", "at": 4, "clients": [1], "method": "retrain"}
    assert "What was spent on data that are unlearned stays spent." in promised(event=[event])[0]


def test_two_rates_are_named_where_batches_are_balanced():
    replay = {"kind": "replay", "replay_sampling": "balanced"}
    scenario = Scenario.model_validate({**PLAIN, "stream": STREAM, "learner": replay})
    assert "remembered ones at another" in statement.guarantee(scenario)["sampling"]
