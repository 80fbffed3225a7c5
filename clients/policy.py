"""A client's own policy: what it will not do, whoever asks."""

import functools
import hashlib
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from privacy import accounting, ledger
from privacy.errors import BudgetSpent, PolicyRefused
from privacy.ledger import Charge, Ledger
from privacy.steps import PrivateSteps
from scenarios.plans import Plan
from scenarios.schema import DpSgd, Scenario
from scenarios.timeline import tasks_at
from scenarios.work import released
from scenarios.world import World

if TYPE_CHECKING:
    from clients.memory import Memory  # brings Flower, which a dry run must not wait for


_MOST_INTERRUPTED = 10_000
"""How many lost attempts at one round are believed: more than anybody makes, and few enough for a ledger to count."""


def settle(plan: Plan, scenario: Scenario, world: World, steps: PrivateSteps | None, kept: Ledger) -> Ledger:
    """The ledger with the attempts at this round that were interrupted: each may have drawn its noise.

    Each may have gone as far as the limits in force allowed after those before it. How many there were is the server's
    word, so they are charged at once and not one after another.
    """
    if steps is None or not plan.interrupted:
        return kept
    charges = tuple(replace(charge, steps=charge.steps * plan.interrupted) for charge in steps.charges)
    limit = _limit(scenario, world)
    if limit is None or not charges:
        return ledger.add_all(kept, charges)
    if _retires_segments(scenario):
        # A segment is in all steps of an attempt or in none.
        most = [_affordable(_of_segments(kept, (one,)), (one,), limit) for one in charges]
        whole = [replace(one, steps=some - some % steps.steps) for one, some in zip(charges, most, strict=True)]
        return ledger.add_all(kept, whole)
    affordable = _affordable(kept, charges, limit)
    return ledger.add_all(kept, (replace(charge, steps=affordable) for charge in charges))


def require_agreed(plan: Plan, scenario: Scenario, kept: "Memory") -> None:
    """Raise PolicyRefused for a plan that is not of the scenario the client was introduced with, or not for this round.

    Nor is a private round trained twice: seeded noise would be the same, and the difference of two replies without any.
    """
    if fingerprint(plan.scenario) != kept.scenario:
        raise PolicyRefused("the plan is of another scenario than the one this client was introduced with")
    if not 1 <= plan.round <= scenario.federation.rounds:
        raise PolicyRefused(f"there is no round {plan.round}: the scenario has {scenario.federation.rounds}")
    if plan.task not in tasks_at(scenario, plan.round):
        raise PolicyRefused(f"the scenario does not ask for {plan.task!r} in round {plan.round}")
    if type(plan.interrupted) is not int or not 0 <= plan.interrupted <= _MOST_INTERRUPTED:
        raise PolicyRefused(
            f"the plan tells of {plan.interrupted!r:.40} lost attempts; 0 to {_MOST_INTERRUPTED} can be"
        )
    privacy = scenario.privacy
    if not isinstance(privacy, DpSgd):
        return
    enough = plan.noise_multiplier >= (privacy.noise_multiplier or 0.0)
    if not (enough and 0.0 < plan.noise_multiplier < math.inf):  # NaN is neither
        raise PolicyRefused(
            f"a noise multiplier of {plan.noise_multiplier:g} is less than the scenario's, or none at all"
        )
    if kept.has_done(plan.round, plan.task):
        raise PolicyRefused(f"round {plan.round} is not after round {kept.round}, which was trained before")


@functools.lru_cache(maxsize=8)
def fingerprint(scenario: str) -> str:
    """What a client remembers of the scenario it was introduced with: the SHA-256 of its JSON."""
    return hashlib.sha256(scenario.encode()).hexdigest()


def admit(
    scenario: Scenario, world: World, steps: PrivateSteps | None, kept: Ledger
) -> tuple[Ledger, PrivateSteps | None]:
    """Charge the ledger for what is about to happen, or refuse.

    Returns the ledger to keep and the steps to run: as many, on as many segments, as the scenario's epsilon and the
    budget in force still pay for. Whoever can pay for nothing still takes back what it released, which is free. Raises
    BudgetSpent before the first step that would exceed them.
    """
    affordable = _within_budget(scenario, world, steps, kept)
    if steps is None or affordable is None:
        return kept, None
    if affordable.steps == 0 or (steps.charges and not affordable.charges):
        if not released(kept).isdisjoint(steps.taken_back):
            return kept, steps.only(())
        raise BudgetSpent("the privacy budget is spent: another step would exceed it")
    return ledger.add_all(kept, affordable.charges), affordable


def affords(scenario: Scenario, world: World, steps: PrivateSteps, kept: Ledger) -> bool:
    """Whether the limits in force pay for all of the steps on all of the segments: `admit` then admits them whole."""
    limit = _limit(scenario, world)
    rows = _of_segments(kept, steps.charges) if _retires_segments(scenario) else kept
    return limit is None or not steps.charges or limit.allows(ledger.add_all(rows, steps.charges))


def _within_budget(scenario: Scenario, world: World, steps: PrivateSteps | None, kept: Ledger) -> PrivateSteps | None:
    limit = _limit(scenario, world)
    if steps is None or limit is None or not steps.charges:
        return steps  # what costs nothing, as taking statistics back, is within any budget
    if _retires_segments(scenario):
        alone = [(one, _of_segments(kept, (one,))) for one in steps.charges]
        return steps.only([one for one, own in alone if _affordable(own, (one,), limit) == steps.steps])
    affordable = _affordable(kept, steps.charges, limit)
    return steps if affordable == steps.steps else steps.cut(affordable)


def _retires_segments(scenario: Scenario) -> bool:
    privacy = scenario.privacy
    budget = privacy.budget if isinstance(privacy, DpSgd) else None
    return budget is not None and budget.on_exhausted == "retire-segment"


def _of_segments(kept: Ledger, charges: tuple[Charge, ...]) -> Ledger:
    """The rows of the segments that are charged: one that was beyond a cap before it was lowered retires no other."""
    charged = {charge.segment for charge in charges}
    return tuple(row for row in kept if row.segment in charged)


@dataclass(frozen=True)
class _Limit:
    """The most epsilon, at which delta and by which accountant."""

    epsilon: float
    delta: float
    accountant: accounting.Accountant

    def allows(self, rows: Ledger) -> bool:
        return accounting.within(rows, self.epsilon, self.delta, self.accountant)


def _limit(scenario: Scenario, world: World) -> _Limit | None:
    privacy = scenario.privacy
    if not isinstance(privacy, DpSgd):
        return None
    # An epsilon that noise was calibrated to is a promise as well, whatever noise the server then plans.
    limits = [limit for limit in (privacy.epsilon, world.budget) if limit is not None]
    return _Limit(min(limits), privacy.delta, privacy.accountant) if limits else None


@functools.lru_cache(maxsize=1024)
def _affordable(kept: Ledger, charges: tuple[Charge, ...], limit: _Limit) -> int:
    """How many of the charges' steps the limit still pays for, by bisection: epsilon grows with the steps."""

    def fits(steps: int) -> bool:
        return limit.allows(ledger.add_all(kept, (replace(charge, steps=steps) for charge in charges)))

    most = charges[0].steps
    if fits(most):
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
