from dataclasses import replace

import pytest

from clients import policy
from clients.memory import Memory
from privacy import ledger
from privacy.errors import PolicyRefused
from scenarios.plans import Plan, private_steps
from scenarios.schema import DpSgd, NoPrivacy, Scenario


def scenario(budget=None):
    privacy = {"kind": "dp-sgd", "noise_multiplier": 1.0, "delta": 1e-5}
    if budget is not None:
        privacy["budget"] = {"epsilon": budget}
    tables = {"data": {"dataset": "digits"}, "model": "logistic", "federation": {"clients": 2, "rounds": 100}}
    return Scenario.model_validate(
        {"format": 1, "name": "p", "privacy": privacy, "training": {"batch_size": 10}, **tables}
    )


def plan(interrupted=0):
    return Plan("run", 1, 0, 0.5, 1.0, interrupted, "{}")


AGREED = Memory(scenario=policy.fingerprint("{}"), round=3)


def test_a_plan_of_another_scenario_is_refused():
    with pytest.raises(PolicyRefused, match="another scenario"):
        policy.require_agreed(replace(plan(), round=4, scenario="{} "), scenario(), AGREED)


def test_less_noise_than_the_scenario_says_is_refused():
    with pytest.raises(PolicyRefused, match="less than the scenario's"):
        policy.require_agreed(replace(plan(), round=4, noise_multiplier=0.999), scenario(), AGREED)


@pytest.mark.parametrize("round_", [1, 3])
def test_a_private_round_is_not_trained_twice(round_):
    # The same seeded noise on two models: the difference of the replies would hold none.
    with pytest.raises(PolicyRefused, match="not after round 3"):
        policy.require_agreed(replace(plan(), round=round_), scenario(), AGREED)
    policy.require_agreed(replace(plan(), round=4), scenario(), AGREED)


def test_without_privacy_a_round_may_be_trained_again():
    plain = scenario().model_copy(update={"privacy": NoPrivacy()})
    policy.require_agreed(replace(plan(), round=1), plain, AGREED)


def test_an_epsilon_that_noise_was_calibrated_to_is_a_limit():
    promised = scenario().model_copy(update={"privacy": DpSgd(epsilon=2.0)})
    steps = private_steps(promised, 100, 1.2)  # a server that plans less noise than the promise takes
    rows, admitted = policy.admit(promised, replace(steps, steps=1000), ())
    assert 0 < admitted.steps < 1000
    assert ledger.epsilon(rows, 1e-5) <= 2.0


def test_admitted_steps_are_charged():
    steps = private_steps(scenario(), 100, 1.0)
    rows, admitted = policy.admit(scenario(), steps, ())
    assert admitted == steps
    assert rows == (steps.charge,)
    assert rows[0].steps == 10
    assert rows[0].sampling_rate == 0.1


def test_a_budget_is_used_to_the_last_step_and_never_exceeded():
    strict = scenario(budget=3.0)
    steps, rows, taken = private_steps(strict, 100, 1.0), (), 0
    while ledger.epsilon(ledger.add(rows, replace(steps.charge, steps=1)), 1e-5) <= 3.0:
        rows, admitted = policy.admit(strict, steps, rows)
        taken += admitted.steps
    with pytest.raises(PolicyRefused, match="budget is spent"):
        policy.admit(strict, steps, rows)
    [row] = rows
    assert row.steps == taken
    assert ledger.epsilon(rows, 1e-5) <= 3.0
    one_more = ledger.add(rows, type(row)(row.segment, row.mechanism, row.noise_multiplier, row.sampling_rate, 1))
    assert ledger.epsilon(one_more, 1e-5) > 3.0


def test_lost_attempts_are_charged_too():
    steps = private_steps(scenario(), 100, 1.0)
    rows = policy.settle(plan(interrupted=2), scenario(), steps, ())
    assert rows[0].steps == 20


def test_lost_attempts_never_drew_more_than_the_budget_paid_for():
    strict = scenario(budget=3.0)
    steps = private_steps(strict, 100, 1.0)
    rows = policy.settle(plan(interrupted=500), strict, steps, ())
    assert 2.9 < ledger.epsilon(rows, 1e-5) <= 3.0
    with pytest.raises(PolicyRefused):
        policy.admit(strict, steps, rows)
