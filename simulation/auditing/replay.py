"""The first round of a run once more: what the server saw of it, which a run's directory does not keep."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from clients import policy
from privacy.protections.protocol import Cohort, Participant
from privacy.steps import PrivateSteps
from privacy.view import Vector, View
from scenarios import models
from scenarios.datasets.dataset import Labels
from scenarios.plans import Plan
from scenarios.records import appearances_of, untrained
from scenarios.schema import Scenario
from scenarios.segments import Segment
from scenarios.work import Work, private_steps
from server import rules
from server.rounds import planning
from server.rounds.exchange import Courier, drive, introduce
from server.rounds.planning import Outlook
from server.rounds.state import model_bytes
from server.rounds.trace import Trace
from simulation.engines.grid import LocalGrid

_RUN = "audit"


@dataclass(frozen=True, eq=False)
class FirstRound:
    """What the server sent (`start`, float32[d]) and saw, and the model that came of it.

    `rows` are those of the features that each client in the sum trained on, and `steps` how many steps it took, as far
    as its budget paid for them: what an attack is measured by, and of which the server is told no more than how many
    they are.
    """

    start: Vector
    view: View
    model: bytes
    rows: Mapping[int, Labels]
    steps: Mapping[int, int]


def first_round(scenario: Scenario) -> FirstRound:
    """Play round 1 on clients of its own, through the run's own planning, training and protection.

    The batches and the seeded noise are those of the run; keys are fresh, and so is noise from the operating system.
    Raises RunFailed where the protection cannot be set up.
    """
    outlook = planning.outlook_of(scenario)
    start = models.parameters_of(untrained(scenario, scenario.seed))
    noise = planning.noise_by_client(outlook)
    plans = planning.plan_round(outlook, noise, 1, _RUN)
    bystander = Plan(_RUN, 0, 0, 0.0, 0.0, 0, scenario.model_dump_json())
    grid = LocalGrid(scenario.federation.clients, workers=1)
    try:
        held = [sum(segment.size for segment in own) for own in outlook.holdings]
        roster = introduce(grid, held, bystander, Trace())
        protection = scenario.protection
        material = drive(protection.prepare(_RUN, sorted(roster)), grid, roster, Courier({}, bystander, Trace()))
        participants = tuple(Participant(one.client, one.weight, roster[one.client].public_key) for one in plans)
        cohort = Cohort(_RUN, 1, len(start), participants)
        courier = Courier(
            {one.client: one for one in plans}, bystander, Trace(), {"parameters": start}, outlook.lost(1)
        )
        view = drive(protection.collect(cohort, material), grid, roster, courier)
    finally:
        grid.close()
    works = outlook.cohort(1, "train")
    seen = [one.client for one in view.contributions]
    world, appearances = outlook.world(1), appearances_of(scenario)
    admitted = {client: _admitted(outlook, works[client], noise.get(client, 0.0)) for client in seen}
    segments = {client: _used(works[client], admitted[client]) for client in seen}
    return FirstRound(
        start=start,
        view=view,
        model=model_bytes(rules.apply(scenario.federation.rule, start, view)),
        rows={
            client: appearances.seen(np.concatenate([one.records for one in own]), world, client)
            for client, own in segments.items()
        },
        steps={client: _steps(scenario, works[client], admitted[client]) for client in seen},
    )


def _admitted(outlook: Outlook, work: Work, noise_multiplier: float) -> PrivateSteps | None:
    """What the policy of a client that has spent nothing yet admits of the work."""
    scenario = outlook.scenario
    return policy.admit(scenario, outlook.world(1), private_steps(scenario, work, noise_multiplier), ())[1]


def _used(work: Work, admitted: PrivateSteps | None) -> list[Segment]:
    """The segments of the work but those that are retired."""
    return [one for part in work.parts for one in part.segments if admitted is None or one.name in admitted.segments]


def _steps(scenario: Scenario, work: Work, admitted: PrivateSteps | None) -> int:
    """Under DP-SGD as many as were admitted; else an epoch ends with what is left of the records."""
    if admitted is not None:
        return admitted.steps
    first = work.parts[0]
    return scenario.training.epochs * -(-first.records // first.batch_size)
