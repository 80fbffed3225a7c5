"""A client's own policy: what it will not do, whoever asks."""

import functools
from dataclasses import replace

from privacy import ledger
from privacy.errors import PolicyRefused
from privacy.ledger import Charge, Ledger
from privacy.steps import PrivateSteps
from scenarios.plans import Plan
from scenarios.schema import DpSgd, Scenario


def settle(plan: Plan, scenario: Scenario, steps: PrivateSteps | None, kept: Ledger) -> Ledger:
    """The ledger with the attempts at this round that were interrupted: each may have drawn its noise."""
    for _ in range(plan.interrupted):
        affordable = _within_budget(scenario, steps, kept)
        kept = kept if affordable is None else ledger.add(kept, affordable.charge)
    return kept


def admit(scenario: Scenario, steps: PrivateSteps | None, kept: Ledger) -> tuple[Ledger, PrivateSteps | None]:
    """Charge the ledger for what is about to happen, or refuse.

    Returns the ledger to keep and the steps to run: with a budget, as many steps as it still pays for. Raises
    PolicyRefused before the first step that would exceed the budget.
    """
    affordable = _within_budget(scenario, steps, kept)
    if affordable is None:
        return kept, None
    if affordable.steps == 0:
        raise PolicyRefused("the privacy budget is spent: another step would exceed it")
    return ledger.add(kept, affordable.charge), affordable


def _within_budget(scenario: Scenario, steps: PrivateSteps | None, kept: Ledger) -> PrivateSteps | None:
    privacy = scenario.privacy
    if steps is None or not isinstance(privacy, DpSgd) or privacy.budget is None:
        return steps
    affordable = _affordable(kept, steps.charge, privacy.budget.epsilon, privacy.delta, privacy.accountant)
    return replace(steps, steps=affordable)


@functools.lru_cache(maxsize=1024)
def _affordable(kept: Ledger, charge: Charge, budget: float, delta: float, accountant: ledger.Accountant) -> int:
    """How many of the charge's steps the budget still pays for, by bisection: epsilon grows with the steps."""

    def fits(steps: int) -> bool:
        return ledger.epsilon(ledger.add(kept, replace(charge, steps=steps)), delta, accountant) <= budget

    if fits(charge.steps):
        return charge.steps
    low, high = 0, charge.steps
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
