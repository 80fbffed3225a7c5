"""A client's own policy: what it will not do, whoever asks."""

import functools
from dataclasses import replace

from privacy import ledger
from privacy.errors import PolicyRefused
from privacy.ledger import Charge, Ledger
from privacy.steps import PrivateSteps
from scenarios.plans import Plan
from scenarios.schema import DpSgd, Scenario


def admit(
    plan: Plan, scenario: Scenario, steps: PrivateSteps | None, kept: Ledger
) -> tuple[Ledger, PrivateSteps | None]:
    """Charge the ledger for what is about to happen, or refuse.

    Returns the ledger to keep and the steps to run: with a budget, as many steps as it still pays for. Raises
    PolicyRefused before the first step that would exceed the budget. Attempts whose replies were lost in an
    interruption are charged first.
    """
    if steps is None or not isinstance(scenario.privacy, DpSgd):
        return kept, None
    charge = steps.charge
    for _ in range(plan.interrupted):
        kept = ledger.add(kept, charge)
    budget = scenario.privacy.budget
    if budget is not None:
        affordable = _affordable(kept, charge, budget.epsilon, scenario.privacy.delta, scenario.privacy.accountant)
        if affordable == 0:
            raise PolicyRefused(f"privacy budget of epsilon {budget.epsilon:g} is spent")
        steps = replace(steps, steps=affordable)
    return ledger.add(kept, steps.charge), steps


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
