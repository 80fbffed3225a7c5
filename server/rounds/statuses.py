"""What the statuses of clients in a round's tasks mean for the run: whether one without a sum passes, and whether the
round was the last. Kept apart from Flower so that a dry run goes by the same rules.
"""

from collections.abc import Iterable, Mapping

from scenarios.schema import DpSgd, Scenario


def nobody_left(scenario: Scenario, statuses: Mapping[int, str]) -> bool:
    """Whether budgets are spent, or a Poisson cohort came out empty, so that a task has no sum to be had.

    Whoever else was lost is no reason to fail then. Under a protection that hides updates the sum of a single client is
    not opened. Training goes on without it; statistics, which are asked for once, would be missing for good, or stay in
    the model although they were to be taken back.
    """
    left = len([status for status in statuses.values() if status not in ("retired", "dropped")])
    if left == 0:
        return not statuses or "retired" in statuses.values()
    return left == 1 and len(statuses) > 1 and scenario.protection.hides_updates and scenario.learner.repeats


def reason_to_stop(scenario: Scenario, tasks: Iterable[Mapping[int, str]]) -> str:
    """Why this was the last round: a client could not pay for one of its tasks, and that is to stop the run."""
    privacy = scenario.privacy
    budget = privacy.budget if isinstance(privacy, DpSgd) else None
    spent = [client for statuses in tasks for client, status in statuses.items() if status == "retired"]
    if budget is None or budget.on_exhausted != "stop" or not spent:
        return ""
    return f"the privacy budget of client {min(spent)} is spent"
