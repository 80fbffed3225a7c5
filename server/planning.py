"""From a world to plans: who takes part in a round, with which weight and under how much noise. Pure functions."""

import functools
from collections.abc import Mapping
from dataclasses import replace

from privacy import ledger
from privacy.errors import ScenarioError
from privacy.ledger import Ledger
from scenarios.plans import Plan, private_steps
from scenarios.schema import DpSgd, FixedSampling, PoissonSampling, Scenario
from scenarios.seeds import stream
from scenarios.world import World, world_at


def cohort_at(scenario: Scenario, world: World, round_: int) -> list[int]:
    """The clients of a round, ascending; chosen by the stream named after the round."""
    present = sorted(world.records)
    sampling = scenario.federation.sampling
    rng = stream(scenario.seed, "round", round_, "cohort")
    if isinstance(sampling, FixedSampling):
        return sorted(int(client) for client in rng.choice(present, size=sampling.count, replace=False))
    if isinstance(sampling, PoissonSampling):
        return [
            client for client, drawn in zip(present, rng.random(len(present)), strict=True) if drawn < sampling.rate
        ]
    return present


def plan_round(
    scenario: Scenario,
    beginning: World,
    noise: Mapping[int, float],
    round_: int,
    run: str,
    interrupted: int = 0,
) -> list[Plan]:
    """The plans of a round, by client in ascending order. Any round can be planned alone."""
    world = world_at(scenario, beginning, round_)
    cohort = cohort_at(scenario, world, round_)
    total = sum(world.records[client] for client in cohort)
    text = scenario.model_dump_json()
    return [
        Plan(
            run=run,
            round=round_,
            client=client,
            weight=world.records[client] / total,
            noise_multiplier=noise.get(client, 0.0),
            interrupted=interrupted,
            scenario=text,
        )
        for client in cohort
    ]


def require_quorum(scenario: Scenario, beginning: World) -> None:
    """Raise ScenarioError where a Poisson cohort comes out too small; the draws are known before anything runs.

    A round for which nobody is drawn passes without an update. A round with fewer clients than the quorum would fail
    the run, and the sum of a single client would not be opened under a protection that hides updates.
    """
    if not isinstance(scenario.federation.sampling, PoissonSampling):
        return
    least = max(scenario.federation.quorum, 2 if scenario.protection.hides_updates else 1)
    for round_ in range(1, scenario.federation.rounds + 1):
        drawn = len(cohort_at(scenario, world_at(scenario, beginning, round_), round_))
        if 0 < drawn < least:
            raise ScenarioError(
                [
                    f"federation.sampling: round {round_} draws {drawn} clients, and {least} are needed (quorum "
                    f"{scenario.federation.quorum}, protection {scenario.protection.kind}); raise rate or change seed"
                ]
            )


def planned_ledger(scenario: Scenario, records: int, noise_multiplier: float, rounds: int) -> Ledger:
    """What a client with so many records will have spent after so many rounds of its own, if no budget stops it."""
    steps = private_steps(scenario, records, noise_multiplier)
    return () if steps is None else ledger.add((), replace(steps.charge, steps=steps.steps * rounds))


def rounds_by_client(scenario: Scenario, beginning: World) -> dict[int, int]:
    """In how many rounds each client takes part; walks through the whole run, so it is worth keeping."""
    if scenario.federation.sampling.kind == "all":
        return dict.fromkeys(beginning.records, scenario.federation.rounds)
    counts = dict.fromkeys(beginning.records, 0)
    for round_ in range(1, scenario.federation.rounds + 1):
        for client in cohort_at(scenario, world_at(scenario, beginning, round_), round_):
            counts[client] += 1
    return counts


def noise_by_client(scenario: Scenario, beginning: World, rounds: Mapping[int, int] | None = None) -> dict[int, float]:
    """The noise multiplier of each client: as given, or calibrated so that its whole planned run costs epsilon.

    Empty without differential privacy. Cohorts are drawn independently of the data, so calibrating on the rounds in
    which a client will really take part is sound. `rounds` are those of `rounds_by_client`, where they are known.
    Raises ScenarioError where no noise reaches epsilon.
    """
    privacy = scenario.privacy
    if not isinstance(privacy, DpSgd):
        return {}
    if privacy.noise_multiplier is not None:
        return dict.fromkeys(beginning.records, privacy.noise_multiplier)
    rounds = rounds_by_client(scenario, beginning) if rounds is None else rounds
    return {client: _calibrated(scenario, held, rounds[client]) for client, held in beginning.records.items()}


@functools.lru_cache(maxsize=16_384)
def _calibrated(scenario: Scenario, records: int, rounds: int) -> float:
    """The noise multiplier for a client like this one; many clients are alike, and a run plans what it has checked."""
    privacy = scenario.privacy
    assert isinstance(privacy, DpSgd)
    assert privacy.epsilon is not None
    try:
        return ledger.calibrate(
            lambda noise: planned_ledger(scenario, records, noise, rounds),
            privacy.epsilon,
            privacy.delta,
            privacy.accountant,
        )
    except ValueError as error:
        reason = f"privacy.epsilon: {error}, for a client with {records} records in {rounds} rounds"
        raise ScenarioError([f"{reason}; raise epsilon or delta, or lower federation.rounds"]) from error
