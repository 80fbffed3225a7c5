"""What replay costs the record that is used most, from the plans of whole runs: five increments of 1,000 records."""

import pytest
from outlooks import scenario, segmented

from privacy import accounting
from server.rounds import planning

INCREMENTS = [(f"increment {number}", number, 1000) for number in range(1, 6)]


def planned(learner, per_round, rounds_per_experience):
    """One client, batches of 50, noise multiplier 1: five epochs an increment, in one round or one in each of five."""
    return segmented(
        scenario(
            federation={"clients": 1, "rounds": 5 * rounds_per_experience},
            training={"batch_size": 50, "epochs": per_round},
            stream={
                "kind": "data-incremental",
                "experiences": 5,
                "rounds_per_experience": rounds_per_experience,
            },
            learner=learner,
            privacy={"kind": "dp-sgd", "noise_multiplier": 1.0, "delta": 1e-5},
        ),
        INCREMENTS,
    )


def rows_of(outlook):
    return planning.planned_ledger(outlook.scenario, planning.taking_part(outlook)[0], 1.0)


def spent_on(outlook):
    return list(accounting.epsilon_by_segment(rows_of(outlook), 1e-5).values())


REPLAY = {"kind": "replay", "memory": 200}
BALANCED = {**REPLAY, "replay_sampling": "balanced"}

one_round_or_five = pytest.mark.parametrize(("per_round", "rounds"), [(5, 1), (1, 5)])


@one_round_or_five
@pytest.mark.parametrize(
    ("learner", "epsilon"),
    [({"kind": "naive"}, 4.038), ({"kind": "cumulative"}, 5.425), (REPLAY, 7.633), (BALANCED, 31.456)],
    ids=["naive", "cumulative", "uniform", "balanced"],
)
def test_the_worst_record_costs_what_the_references_say(learner, epsilon, per_round, rounds):
    outlook = planned(learner, per_round, rounds)
    assert max(spent_on(outlook)) == pytest.approx(epsilon, rel=0.01)


@one_round_or_five
def test_disjoint_increments_are_used_once(per_round, rounds):
    rows = rows_of(planned({"kind": "naive"}, per_round, rounds))
    assert [(row.segment, row.steps, row.sampling_rate) for row in rows] == [
        (name, 100, 0.05) for name, _, _ in INCREMENTS
    ]


@one_round_or_five
def test_uniform_replay_uses_the_first_increment_in_every_later_one(per_round, rounds):
    rows = [row for row in rows_of(planned(REPLAY, per_round, rounds)) if row.segment == "increment 1"]
    assert [(row.steps, row.sampling_rate) for row in rows] == [(100, 0.05), (4 * 120, 50 / 1200)]


@one_round_or_five
def test_balanced_replay_draws_old_records_at_an_eighth(per_round, rounds):
    rows = [row for row in rows_of(planned(BALANCED, per_round, rounds)) if row.segment == "increment 1"]
    assert [(row.steps, row.sampling_rate) for row in rows] == [(100, 0.05), (4 * 200, 25 / 200)]
    new = [row for row in rows_of(planned(BALANCED, per_round, rounds)) if row.segment == "increment 5"]
    assert [(row.steps, row.sampling_rate) for row in new] == [(200, 0.025)]


def test_the_last_increment_costs_least():
    spent = spent_on(planned(BALANCED, 5, 1))
    assert spent == sorted(spent, reverse=True)
    assert spent[-1] < 4.038


def test_noise_is_calibrated_to_the_record_that_is_used_most():
    private = planned(BALANCED, 5, 1).scenario.privacy.model_copy(update={"noise_multiplier": None, "epsilon": 8.0})
    outlook = planned(BALANCED, 5, 1)
    asked = segmented(outlook.scenario.model_copy(update={"privacy": private}), INCREMENTS)
    noise = planning.noise_by_client(asked)[0]
    rows = planning.planned_ledger(asked.scenario, planning.taking_part(asked)[0], noise)
    assert 0.99 * 8.0 < accounting.epsilon(rows, 1e-5) <= 8.0


def test_unlearning_refunds_nothing_and_ends_the_charges():
    outlook = planned(REPLAY, 5, 1)
    event = {"kind": "unlearn", "at": 3, "clients": [0], "segments": ["increment 1"], "method": "retrain"}
    values = {**outlook.scenario.model_dump(), "event": [event]}
    unlearned = segmented(type(outlook.scenario).model_validate(values), INCREMENTS)
    rows = [row for row in rows_of(unlearned) if row.segment == "increment 1"]
    assert [(row.steps, row.sampling_rate) for row in rows] == [(100, 0.05), (120, 50 / 1200)]
