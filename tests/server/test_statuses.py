import pytest
from outlooks import scenario

from server.rounds.statuses import nobody_left, reason_to_stop

ENCRYPTED = {"kind": "homomorphic"}
STOP = {"kind": "dp-sgd", "noise_multiplier": 1.0, "budget": {"epsilon": 2.0, "on_exhausted": "stop"}}
RETIRE = {**STOP, "budget": {"epsilon": 2.0}}


@pytest.mark.parametrize(
    ("statuses", "plain", "encrypted"),
    [
        ([], True, True),
        (["retired", "retired"], True, True),
        (["retired", "dropped"], True, True),
        (["dropped", "dropped"], False, False),
        (["retired", "trained"], False, True),
        (["trained"], False, False),
        (["retired", "trained", "failed"], False, False),
    ],
)
def test_a_round_without_a_sum_passes_where_budgets_leave_nobody(statuses, plain, encrypted):
    by_client = dict(enumerate(statuses))
    assert nobody_left(scenario(), by_client) is plain
    assert nobody_left(scenario(protection=ENCRYPTED), by_client) is encrypted


def test_a_round_passes_without_a_sum_of_statistics_only_where_nobody_has_any():
    once = scenario(protection=ENCRYPTED, learner="additive-statistics")
    assert nobody_left(once, {0: "retired", 1: "retired"})
    assert not nobody_left(once, {0: "retired", 1: "trained"})


@pytest.mark.parametrize(
    ("privacy", "statuses", "reason"),
    [
        (STOP, {1: "trained", 4: "retired", 3: "retired"}, "the privacy budget of client 3 is spent"),
        (STOP, {1: "trained", 3: "dropped"}, ""),
        (RETIRE, {1: "trained", 3: "retired"}, ""),
    ],
)
def test_only_a_spent_budget_that_is_to_stop_the_run_does(privacy, statuses, reason):
    assert reason_to_stop(scenario(privacy=privacy), [statuses]) == reason
    assert reason_to_stop(scenario(privacy=privacy), [{0: "trained", 1: "trained"}, statuses]) == reason
