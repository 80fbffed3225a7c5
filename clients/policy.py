"""A client's own policy: what it will not do, whoever asks."""

import functools
import hashlib
from dataclasses import replace

from clients.memory import Memory
from privacy import ledger
from privacy.errors import BudgetSpent, PolicyRefused
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


def require_agreed(plan: Plan, scenario: Scenario, kept: Memory) -> None:
    """Raise PolicyRefused for a plan that is not of the scenario the client was introduced with.

    Nor is a private round trained twice: seeded noise would be the same, and the difference of two replies without any.
    """
    if fingerprint(plan.scenario) != kept.scenario:
        raise PolicyRefused("the plan is of another scenario than the one this client was introduced with")
    privacy = scenario.privacy
    if not isinstance(privacy, DpSgd):
        return
    if plan.noise_multiplier < (privacy.noise_multiplier or 0.0):
        raise PolicyRefused(f"a noise multiplier of {plan.noise_multiplier:g} is less than the scenario's")
    if plan.round <= kept.round:
        raise PolicyRefused(f"round {plan.round} is not after round {kept.round}, which was trained before")


@functools.lru_cache(maxsize=8)
def fingerprint(scenario: str) -> str:
    """What a client remembers of the scenario it was introduced with: the SHA-256 of its JSON."""
    return hashlib.sha256(scenario.encode()).hexdigest()


def admit(scenario: Scenario, steps: PrivateSteps | None, kept: Ledger) -> tuple[Ledger, PrivateSteps | None]:
    """Charge the ledger for what is about to happen, or refuse.

    Returns the ledger to keep and the steps to run: as many as the scenario's epsilon and its budget still pay for.
    Raises BudgetSpent before the first step that would exceed them.
    """
    affordable = _within_budget(scenario, steps, kept)
    if affordable is None:
        return kept, None
    if affordable.steps == 0:
        raise BudgetSpent("the privacy budget is spent: another step would exceed it")
    return ledger.add(kept, affordable.charge), affordable


def _within_budget(scenario: Scenario, steps: PrivateSteps | None, kept: Ledger) -> PrivateSteps | None:
    privacy = scenario.privacy
    if steps is None or not isinstance(privacy, DpSgd):
        return steps
    # An epsilon that noise was calibrated to is a promise as well, whatever noise the server then plans.
    limits = [one.epsilon for one in (privacy, privacy.budget) if one is not None and one.epsilon is not None]
    if not limits:
        return steps
    affordable = _affordable(kept, steps.charge, min(limits), privacy.delta, privacy.accountant)
    return replace(steps, steps=affordable)


@functools.lru_cache(maxsize=1024)
def _affordable(kept: Ledger, charge: Charge, budget: float, delta: float, accountant: ledger.Accountant) -> int:
    """How many of the charge's steps the budget still pays for, by bisection: epsilon grows with the steps."""

    def fits(steps: int) -> bool:
        rows = ledger.add(kept, replace(charge, steps=steps))
        # The Renyi bound is quick and holds for both accountants; only what it does not allow is left to the other.
        return ledger.epsilon(rows, delta) <= budget or ledger.epsilon(rows, delta, accountant) <= budget

    if fits(charge.steps):
        return charge.steps
    low, high = 0, charge.steps
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
