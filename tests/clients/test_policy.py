from dataclasses import replace

import pytest

from clients import policy
from privacy import ledger
from privacy.errors import PolicyRefused
from scenarios.plans import Plan, private_steps
from scenarios.schema import Scenario


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
