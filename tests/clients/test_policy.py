import contextlib
import math
import time
from dataclasses import replace

import pytest

from clients import policy
from clients.memory import Memory
from privacy import accounting, ledger
from privacy.errors import BudgetSpent, PolicyRefused
from privacy.ledger import Charge
from privacy.steps import MECHANISM, PrivateSteps
from scenarios.plans import Plan
from scenarios.schema import DpSgd, NoPrivacy, Scenario
from scenarios.world import World


def scenario(budget=None, on_exhausted="retire-client", **tables):
    privacy = {"kind": "dp-sgd", "noise_multiplier": 1.0, "delta": 1e-5}
    if budget is not None:
        privacy["budget"] = {"epsilon": budget, "on_exhausted": on_exhausted}
    tables |= {"data": {"dataset": "digits"}, "model": "logistic", "federation": {"clients": 2, "rounds": 100}}
    return Scenario.model_validate(
        {"format": 1, "name": "p", "privacy": privacy, "training": {"batch_size": 10}, **tables}
    )


def world(budget=None):
    return World(round=1, experience=1, present=frozenset({0, 1}), budget=budget)


def steps_on(*rates, steps=10, noise=1.0):
    """Steps on the segments a, b, ..., with a sampling rate for each."""
    charges = (Charge(name, MECHANISM, noise, rate, steps) for name, rate in zip("abcdef", rates, strict=False))
    return PrivateSteps(tuple(charges), steps, noise, clip_norm=1.0, learning_rate=0.1, momentum=0.0)


def plan(interrupted=0):
    return Plan("run", 1, 0, 0.5, 1.0, interrupted, "{}")


AGREED = Memory(scenario=policy.fingerprint("{}"), round=3, done=("train",))


def test_a_plan_of_another_scenario_is_refused():
    with pytest.raises(PolicyRefused, match="another scenario"):
        policy.require_agreed(replace(plan(), round=4, scenario="{} "), scenario(), AGREED)


@pytest.mark.parametrize("noise", [0.999, 0.0, -1.0, math.nan, math.inf])
def test_less_noise_than_the_scenario_says_or_none_is_refused(noise):
    with pytest.raises(PolicyRefused, match="less than the scenario's, or none"):
        policy.require_agreed(replace(plan(), round=4, noise_multiplier=noise), scenario(), AGREED)


@pytest.mark.parametrize("round_", [1, 3])
def test_a_private_round_is_not_trained_twice(round_):
    # The same seeded noise on two models: the difference of the replies would hold none.
    with pytest.raises(PolicyRefused, match="not after round 3"):
        policy.require_agreed(replace(plan(), round=round_), scenario(), AGREED)
    policy.require_agreed(replace(plan(), round=4), scenario(), AGREED)


CONSOLIDATING = scenario(
    learner="ewc", stream={"kind": "data-incremental", "experiences": 100, "rounds_per_experience": 1}
)


def test_another_task_of_a_private_round_is_done_once():
    consolidation = replace(plan(), round=3, task="consolidate")
    policy.require_agreed(consolidation, CONSOLIDATING, AGREED)
    with pytest.raises(PolicyRefused, match="not after round 3"):
        policy.require_agreed(consolidation, CONSOLIDATING, replace(AGREED, done=("train", "consolidate")))


def test_a_task_of_an_earlier_round_is_not_made_up_for():
    with pytest.raises(PolicyRefused, match="not after round 3"):
        policy.require_agreed(replace(plan(), round=2, task="consolidate"), CONSOLIDATING, AGREED)


@pytest.mark.parametrize("task", ["consolidate", "statistics", "", "Train", "train\n"])
def test_a_task_that_the_scenario_does_not_hold_is_refused(task):
    with pytest.raises(PolicyRefused, match="does not ask for"):
        policy.require_agreed(replace(plan(), round=4, task=task), scenario(), AGREED)


def test_a_task_is_refused_in_a_round_that_does_not_hold_it():
    with pytest.raises(PolicyRefused, match="does not ask for 'consolidate' in round 100"):
        policy.require_agreed(replace(plan(), round=100, task="consolidate"), CONSOLIDATING, AGREED)


@pytest.mark.parametrize("round_", [-1, 0, 101, 10**9])
def test_a_round_that_the_scenario_does_not_hold_is_refused(round_):
    with pytest.raises(PolicyRefused, match="there is no round"):
        policy.require_agreed(replace(plan(), round=round_), scenario(), AGREED)


def test_without_privacy_a_round_may_be_trained_again():
    plain = scenario().model_copy(update={"privacy": NoPrivacy()})
    policy.require_agreed(replace(plan(), round=1), plain, AGREED)


def test_an_epsilon_that_noise_was_calibrated_to_is_a_limit():
    promised = scenario().model_copy(update={"privacy": DpSgd(epsilon=2.0)})
    steps = steps_on(0.1, steps=1000, noise=1.2)  # a server that plans less noise than the promise takes
    rows, admitted = policy.admit(promised, world(), steps, ())
    assert 0 < admitted.steps < 1000
    assert accounting.epsilon(rows, 1e-5) <= 2.0


def test_admitted_steps_are_charged():
    steps = steps_on(0.1)
    rows, admitted = policy.admit(scenario(), world(), steps, ())
    assert admitted == steps
    assert rows == (Charge("a", "dp-sgd", 1.0, 0.1, 10),)


def test_admitted_steps_are_charged_to_every_segment_at_its_own_rate():
    rows, _ = policy.admit(scenario(), world(), steps_on(0.1, 0.3), ())
    assert rows == (Charge("a", "dp-sgd", 1.0, 0.1, 10), Charge("b", "dp-sgd", 1.0, 0.3, 10))


def test_a_budget_is_used_to_the_last_step_and_never_exceeded():
    strict, steps, rows, taken = scenario(budget=3.0), steps_on(0.1), (), 0
    one = replace(steps.charges[0], steps=1)
    while accounting.epsilon(ledger.add(rows, one), 1e-5) <= 3.0:
        rows, admitted = policy.admit(strict, world(3.0), steps, rows)
        taken += admitted.steps
    with pytest.raises(BudgetSpent, match="budget is spent"):
        policy.admit(strict, world(3.0), steps, rows)
    assert rows == (replace(one, steps=taken),)
    assert accounting.epsilon(rows, 1e-5) <= 3.0
    assert accounting.epsilon(ledger.add(rows, one), 1e-5) > 3.0


def test_a_client_stops_before_the_first_of_its_segments_exceeds_the_budget():
    strict, steps = scenario(budget=3.0), steps_on(0.05, 0.2, steps=1000)
    rows, admitted = policy.admit(strict, world(3.0), steps, ())
    light, heavy = rows
    assert light.steps == heavy.steps == admitted.steps
    assert (
        accounting.epsilon((heavy,), 1e-5) <= 3.0 < accounting.epsilon((replace(heavy, steps=heavy.steps + 1),), 1e-5)
    )


def test_the_budget_in_force_is_what_counts():
    strict, steps = scenario(budget=3.0), steps_on(0.05, steps=1000)
    for cap in (2.5, 3.0, 5.0):
        [row], _ = policy.admit(strict, world(cap), steps, ())
        assert accounting.epsilon((row,), 1e-5) <= cap < accounting.epsilon((replace(row, steps=row.steps + 1),), 1e-5)


def test_a_cap_that_is_lowered_below_what_is_spent_ends_it_at_once():
    strict, steps = scenario(budget=3.0), steps_on(0.1, steps=60)
    rows, _ = policy.admit(strict, world(3.0), steps, ())
    with pytest.raises(BudgetSpent):
        policy.admit(strict, world(2.5), steps, rows)
    assert policy.admit(strict, world(5.0), steps, rows)[1] is not None


def test_a_retired_segment_leaves_the_others_in_use():
    strict, steps = scenario(budget=3.0, on_exhausted="retire-segment"), steps_on(0.1, 0.01, steps=100)
    assert accounting.epsilon(steps.charges[:1], 1e-5) > 3.0 > accounting.epsilon(steps.charges[1:], 1e-5)
    rows, admitted = policy.admit(strict, world(3.0), steps, ())
    assert admitted.segments == ("b",)
    assert admitted.steps == 100
    assert rows == steps.charges[1:]


def test_a_segment_is_retired_by_what_it_has_spent_itself():
    strict, steps = scenario(budget=5.0, on_exhausted="retire-segment"), steps_on(0.1, 0.1, steps=20)
    spent = (replace(steps.charges[0], steps=20),)  # forty steps cost 5.39, twenty 4.22
    rows, admitted = policy.admit(strict, world(5.0), steps, spent)
    assert admitted.segments == ("b",)
    assert rows == (*spent, steps.charges[1])


def test_a_segment_beyond_a_cap_that_was_lowered_retires_no_other():
    steps = steps_on(0.1, 0.01, steps=10)
    spent = (replace(steps.charges[0], steps=100),)
    assert accounting.epsilon(spent, 1e-5) > 3.0 > accounting.epsilon(steps.charges[1:], 1e-5)
    strict = scenario(budget=8.0, on_exhausted="retire-segment")
    rows, admitted = policy.admit(strict, world(3.0), steps, spent)
    assert admitted.segments == ("b",)
    assert rows == (*spent, steps.charges[1])
    assert policy.affords(strict, world(3.0), admitted, spent)
    with pytest.raises(BudgetSpent):
        policy.admit(scenario(budget=8.0), world(3.0), steps, spent)


def test_a_client_whose_segments_are_all_retired_is_refused():
    strict, steps = scenario(budget=3.0, on_exhausted="retire-segment"), steps_on(0.1, 0.2, steps=100)
    with pytest.raises(BudgetSpent, match="budget is spent"):
        policy.admit(strict, world(3.0), steps, ())


def test_segments_never_go_beyond_the_budget_however_often_they_are_asked_for():
    strict, steps, rows = scenario(budget=4.0, on_exhausted="retire-segment"), steps_on(0.1, 0.02, steps=7), ()
    with pytest.raises(BudgetSpent):  # noqa: PT012 - in some round, and until then the bound must hold
        for _ in range(1000):
            rows, _ = policy.admit(strict, world(4.0), steps, rows)
            assert accounting.epsilon(rows, 1e-5) <= 4.0
    first, second = rows
    assert first.steps < second.steps
    assert accounting.epsilon((replace(first, steps=first.steps + 7),), 1e-5) > 4.0
    assert accounting.epsilon((replace(second, steps=second.steps + 7),), 1e-5) > 4.0


@pytest.mark.parametrize("on_exhausted", ["retire-client", "retire-segment", "stop"])
def test_who_can_pay_for_nothing_still_takes_back_what_it_released(on_exhausted):
    strict, steps = scenario(budget=3.0, on_exhausted=on_exhausted), steps_on(1.0, steps=1)
    assert accounting.epsilon(steps.charges, 1e-5) > 3.0
    both, spent = replace(steps, taken_back=("b",)), (Charge("b", "statistics", 20.0, 1.0, 1),)
    rows, admitted = policy.admit(strict, world(3.0), both, spent)
    assert (rows, admitted.segments, admitted.steps) == (spent, (), 1)
    for asked, kept in ((steps, spent), (both, ())):  # what was never released is not there to be taken back
        with pytest.raises(BudgetSpent):
            policy.admit(strict, world(3.0), asked, kept)


def test_lost_attempts_are_charged_too():
    rows = policy.settle(plan(interrupted=2), scenario(), world(), steps_on(0.1), ())
    assert rows[0].steps == 20


def test_lost_attempts_never_drew_more_than_the_budget_paid_for():
    strict, steps = scenario(budget=3.0), steps_on(0.1)
    rows = policy.settle(plan(interrupted=500), strict, world(3.0), steps, ())
    assert 2.9 < accounting.epsilon(rows, 1e-5) <= 3.0
    with pytest.raises(PolicyRefused):
        policy.admit(strict, world(3.0), steps, rows)


@pytest.mark.parametrize("on_exhausted", ["retire-client", "retire-segment", "stop"])
@pytest.mark.parametrize("attempts", [1, 2, 3, 7, 50])
def test_lost_attempts_cost_what_they_would_have_cost_one_after_another(on_exhausted, attempts):
    strict, steps = scenario(budget=4.0, on_exhausted=on_exhausted), steps_on(0.1, 0.02, steps=7)
    spent = rows = (replace(steps.charges[0], steps=3),)
    for _ in range(attempts):
        with contextlib.suppress(BudgetSpent):
            rows, _ = policy.admit(strict, world(4.0), steps, rows)
    assert policy.settle(plan(attempts), strict, world(4.0), steps, spent) == rows


def test_as_many_lost_attempts_as_are_believed_are_settled_at_once():
    strict, steps = scenario(budget=400.0), steps_on(0.1, 0.02, steps=1)
    begun = time.process_time()
    assert policy.settle(plan(10_000), strict, world(400.0), steps, ())[0].steps == 10_000
    assert time.process_time() - begun < 2.0  # one after another 2,000 took 3.5 s


@pytest.mark.parametrize("attempts", [-1, 10_001, 10**30, 1.5, True, "2", None])
def test_a_number_of_lost_attempts_that_cannot_be_is_refused(attempts):
    policy.require_agreed(replace(plan(10_000), round=4), scenario(), AGREED)
    with pytest.raises(PolicyRefused, match="lost attempts"):
        policy.require_agreed(replace(plan(attempts), round=4), scenario(), AGREED)


@pytest.mark.parametrize("on_exhausted", ["retire-client", "retire-segment", "stop"])
@pytest.mark.parametrize("cap", [None, 2.5, 4.0, 6.0])
def test_what_the_limits_afford_is_admitted_whole(on_exhausted, cap):
    strict, steps = scenario(budget=3.0, on_exhausted=on_exhausted), steps_on(0.1, 0.02, steps=10)
    affordable = policy.affords(strict, world(cap), steps, ())
    assert affordable is (cap is None or accounting.epsilon(steps.charges, 1e-5) <= cap)
    try:
        admitted = policy.admit(strict, world(cap), steps, ())[1]
    except BudgetSpent:
        admitted = None
    assert (admitted == steps) is affordable
