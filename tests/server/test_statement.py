"""What a run promises, in words, and on which assumptions."""

import pytest

from scenarios.schema import Scenario
from server import statement

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
