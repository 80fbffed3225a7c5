"""Each event as a pure function of a world, and the world of a round as a fold over them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from timelines import BACKDOOR, INVERSION, PRIVATE, STREAM, event, scenario, world

from scenarios.shifts import Backdoor, Inversion
from scenarios.timeline import ends_experience, happening, tasks_at, world_at
from scenarios.world import EVERYTHING, Applied, Delay, Drift, Dropout, Poison, Restart


def only(*events, **tables):
    """The one event of a scenario with it."""
    [found] = scenario(*events, **tables).event
    return found


def present(planned, *rounds):
    return [sorted(world_at(planned, round_).present) for round_ in rounds]


def test_who_joins_is_there_afterwards():
    before = world(present=frozenset({0, 1}))
    assert only(event("join", 5, clients=[3])).apply(before).present == {0, 1, 3}
    assert before.present == {0, 1}


def test_who_leaves_is_not_there_afterwards():
    assert only(event("leave", 5, clients=[1, 2])).apply(world()).present == {0, 3}


def test_a_dropout_has_coins_of_its_own():
    [one] = only(event("dropout", 5, rate=0.3, clients=[1])).apply(world()).dropouts
    assert one == Dropout("dropout 5", (1,), 0.3, "before-training")


def test_dropouts_add_up():
    planned = scenario(event("dropout", 2, rate=0.3), event("dropout", 4, rate=0.1, stage="after-training"))
    assert [one.rate for one in world_at(planned, 4).dropouts] == [0.3, 0.1]


def test_a_straggler_is_late_by_so_many_rounds():
    late = only(event("straggle", 5, clients=[1], rounds=3, late="use")).apply(world(delays={2: Delay(1, "drop")}))
    assert late.delays == {1: Delay(3, "use"), 2: Delay(1, "drop")}


def test_a_sudden_drift_is_of_all_records_at_once():
    [drift] = only(event("drift", 5, shift=INVERSION, clients=[1])).apply(world()).drifts
    assert drift == Drift(Applied("drift 5 inversion", Inversion()), (1,), 1.0)


def test_a_segment_arrives_at_each_of_its_clients():
    arrived = only(event("new-segment", 5, clients=[1, 2], share=0.5, name="more")).apply(world()).arrived
    assert arrived == {(1, "more"), (2, "more")}


def test_a_poisoning_client_is_hostile_and_the_others_are_not():
    poisons = only(event("poison", 5, clients=[1], attack=BACKDOOR, share=0.5, boost=4.0)).apply(world()).poisons
    assert poisons == {1: Poison(Applied("poison 5 backdoor", Backdoor(target=0)), 0.5, 4.0)}


def test_a_budget_becomes_another():
    changed = only(event("budget", 5, epsilon=2.0), privacy=PRIVATE)
    assert changed.apply(world(budget=8.0)).budget == 2.0


@pytest.mark.parametrize(
    ("method", "restart"),
    [
        ("retrain", Restart(None)),
        ("rollback", Restart(frozenset({(1, EVERYTHING)}))),
        ("keep-training", None),
    ],
)
def test_unlearning_says_what_is_used_no_more_and_where_the_model_goes_back_to(method, restart):
    after = only(event("unlearn", 5, clients=[1], method=method)).apply(world())
    assert after.has_unlearned(1, "anything")
    assert not after.has_unlearned(0, "anything")
    assert after.restart == restart


def test_unlearning_of_a_segment_leaves_the_others():
    after = only(event("unlearn", 5, clients=[1], segments=["a"], method="rollback")).apply(world())
    assert after.has_unlearned(1, "a")
    assert not after.has_unlearned(1, "b")
    assert after.restart == Restart(frozenset({(1, "a")}))


def test_statistics_are_subtracted_that_are_unlearned_so():
    table = {"model": {"kind": "random-features", "features": 20}, "learner": "additive-statistics"}
    after = only(event("unlearn", 5, clients=[1], method="subtract-statistics"), **table).apply(world())
    assert after.is_subtracted(1, "all")
    assert not after.is_subtracted(0, "all")
    assert after.restart is None


def test_the_model_goes_back_in_the_round_of_the_event_only():
    planned = scenario(event("unlearn", 5, clients=[1], method="retrain"))
    restarts = [world_at(planned, round_).restart for round_ in (4, 5, 6)]
    assert restarts == [None, Restart(None), None]
    assert world_at(planned, 20).has_unlearned(1, "all")


@pytest.mark.parametrize("other", ["keep-training", "rollback"])
def test_of_two_events_that_unlearn_in_one_round_neither_undoes_the_other(other):
    first, second = event("unlearn", 5, clients=[1], method="rollback"), event("unlearn", 5, clients=[2], method=other)
    for events in ((first, second), (second, first)):
        assert (1, EVERYTHING) in world_at(scenario(*events), 5).restart.before


def test_a_model_that_is_to_be_trained_anew_is_not_rolled_back_instead():
    first, second = (
        event("unlearn", 5, clients=[1], method="retrain"),
        event("unlearn", 5, clients=[2], method="rollback"),
    )
    assert world_at(scenario(first, second), 5).restart == world_at(scenario(second, first), 5).restart == Restart(None)


def test_a_rollback_goes_back_to_before_what_was_unlearned_earlier():
    # What was kept on the way holds the data that were unlearned in round 5.
    planned = scenario(
        event("unlearn", 5, clients=[1], method="rollback"), event("unlearn", 8, clients=[2], method="rollback")
    )
    assert world_at(planned, 8).restart == Restart(frozenset({(1, EVERYTHING), (2, EVERYTHING)}))


def test_who_joins_later_is_absent_until_then():
    assert present(scenario(event("join", 5, clients=[3])), 1, 4, 5) == [[0, 1, 2], [0, 1, 2], [0, 1, 2, 3]]


def test_who_leaves_until_a_round_is_back_in_the_next():
    assert present(scenario(event("leave", 5, until=7, clients=[3])), 4, 5, 7, 8) == [
        [0, 1, 2, 3],
        [0, 1, 2],
        [0, 1, 2],
        [0, 1, 2, 3],
    ]


PASSING = [
    (event("dropout", 5, until=7, rate=0.5), lambda found: bool(found.dropouts)),
    (event("straggle", 5, until=7, clients=[0]), lambda found: bool(found.delays)),
    (event("drift", 5, until=7, shift=INVERSION), lambda found: bool(found.drifts)),
    (event("poison", 5, until=7, clients=[0], attack=BACKDOOR), lambda found: bool(found.poisons)),
    (event("leave", 5, until=7, clients=[0]), lambda found: 0 not in found.present),
]


@pytest.mark.parametrize(("passing", "holds"), PASSING, ids=[one["kind"] for one, _ in PASSING])
def test_a_passing_event_holds_from_its_first_round_to_its_last(passing, holds):
    planned = scenario(passing)
    assert [round_ for round_ in range(1, 21) if holds(world_at(planned, round_))] == [5, 6, 7]
    assert happening(planned, 5) == [planned.event[0].describe()]
    assert happening(planned, 8) == [f"over: {planned.event[0].describe()}"]
    assert happening(planned, 6) == []


LASTING = [
    (event("join", 5, clients=[0]), lambda found: 0 in found.present),
    (event("new-segment", 5, clients=[0], share=0.5, name="more"), lambda found: (0, "more") in found.arrived),
    (event("unlearn", 5, clients=[0], method="keep-training"), lambda found: found.has_unlearned(0, "all")),
    (event("budget", 5, epsilon=2.0), lambda found: found.budget == 2.0),
]


@pytest.mark.parametrize(("lasting", "holds"), LASTING, ids=[one["kind"] for one, _ in LASTING])
def test_a_lasting_event_holds_to_the_end(lasting, holds):
    planned = scenario(lasting, privacy=PRIVATE)
    assert [round_ for round_ in range(1, 21) if holds(world_at(planned, round_))] == list(range(5, 21))


def shares(**drift):
    planned = scenario(event("drift", 5, shift=INVERSION, **drift))
    return [sum(one.share for one in world_at(planned, round_).drifts) for round_ in range(4, 12)]


def test_a_sudden_drift_stays():
    assert shares() == [0, 1, 1, 1, 1, 1, 1, 1]


def test_a_gradual_drift_grows_in_equal_steps_and_stays():
    assert shares(pattern="gradual", until=8) == [0, 0.25, 0.5, 0.75, 1, 1, 1, 1]


def test_a_recurring_drift_comes_and_goes():
    assert shares(pattern="recurring", period=2) == [0, 1, 1, 0, 0, 1, 1, 0]


def test_a_recurring_drift_ends_with_its_last_round():
    assert shares(pattern="recurring", period=2, until=9) == [0, 1, 1, 0, 0, 1, 0, 0]


def test_a_later_event_has_the_last_word_wherever_it_stands_in_the_file():
    events = event("budget", 10, epsilon=2.0), event("budget", 5, epsilon=5.0)
    for ordered in (events, events[::-1]):
        planned = scenario(*ordered, privacy=PRIVATE)
        assert [world_at(planned, round_).budget for round_ in (4, 5, 9, 10, 20)] == [8.0, 5.0, 5.0, 2.0, 2.0]


def test_who_leaves_after_having_joined_is_gone_wherever_it_stands_in_the_file():
    assert present(scenario(event("leave", 8, clients=[3]), event("join", 5, clients=[3])), 4, 5, 8) == [
        [0, 1, 2],
        [0, 1, 2, 3],
        [0, 1, 2],
    ]


def test_of_one_round_the_last_event_in_the_file_has_the_last_word():
    planned = scenario(event("budget", 5, epsilon=3.0), event("budget", 5, epsilon=2.0), privacy=PRIVATE)
    assert world_at(planned, 5).budget == 2.0


def test_experiences_last_their_rounds_and_the_last_one_goes_on():
    planned = scenario(stream=STREAM, rounds=12)
    assert [world_at(planned, round_).experience for round_ in range(1, 13)] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 5]
    assert [round_ for round_ in range(1, 13) if ends_experience(planned, round_)] == [2, 4, 6, 8, 12]


def test_an_experience_is_consolidated_when_it_is_over_but_the_last():
    planned = scenario(stream=STREAM, rounds=12, learner="ewc")
    assert [round_ for round_ in range(1, 13) if "consolidate" in tasks_at(planned, round_)] == [2, 4, 6, 8]


@pytest.mark.parametrize("round_", [0, 21])
def test_there_is_no_world_outside_of_the_run(round_):
    with pytest.raises(ValueError, match=r"outside 1\.\.20"):
        world_at(scenario(), round_)


ROUNDS = 60
CLIENT = st.integers(0, 2).map(lambda client: [client])
AT = st.integers(1, ROUNDS)


@st.composite
def timelines(draw):
    """Events that may stand in one file in any order: clients 0 to 2 stay throughout, 3 and 4 come and go."""
    events = [event("join", draw(AT), clients=[3]), event("leave", draw(AT), clients=[4])]
    for _ in range(draw(st.integers(0, 6))):
        at = draw(AT)
        until = draw(st.none() | st.integers(at, ROUNDS))
        passing = {} if until is None else {"until": until}
        events.append(
            draw(
                st.sampled_from(
                    [
                        event("dropout", at, rate=0.4, **passing),
                        event("straggle", at, clients=draw(CLIENT), **passing),
                        event("drift", at, shift=INVERSION, clients=draw(CLIENT), **passing),
                        event("poison", at, clients=draw(CLIENT), attack=BACKDOOR, **passing),
                        event("budget", at, epsilon=float(draw(st.integers(1, 9)))),
                        event("unlearn", at, clients=[draw(st.integers(0, 2))], segments=["a"], method="rollback"),
                    ]
                )
            )
        )
    return scenario(*draw(st.permutations(events)), rounds=ROUNDS, clients=5, privacy=PRIVATE)


@given(timelines(), AT)
def test_a_world_is_what_the_events_in_force_make_of_the_beginning(planned, round_):
    found = world_at(planned, round_)
    assert (3 in found.present) == any(one.kind == "join" and one.at <= round_ for one in planned.event)
    assert (4 in found.present) == all(one.kind != "leave" or round_ < one.at for one in planned.event)
    caps = [(one.at, place, one.epsilon) for place, one in enumerate(planned.event) if one.kind == "budget"]
    assert found.budget == max(((at, place, cap) for at, place, cap in caps if at <= round_), default=(0, 0, 8.0))[2]
    assert len(found.dropouts) == sum(one.kind == "dropout" and one.holds_in(round_) for one in planned.event)
    assert (found.restart is not None) == any(one.kind == "unlearn" and one.at == round_ for one in planned.event)
