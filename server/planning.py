"""From a world to plans: who takes part in a round, with which weight and under how much noise. Pure functions."""

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


def planned_ledger(scenario: Scenario, beginning: World, client: int, noise_multiplier: float) -> Ledger:
    """What a client will have spent after the whole run, if no budget stops it."""
    steps = private_steps(scenario, beginning.records[client], noise_multiplier)
    taken_part = _participations(scenario, beginning).get(client, 0)
    return () if steps is None else ledger.add((), replace(steps.charge, steps=steps.steps * taken_part))


def noise_by_client(scenario: Scenario, beginning: World) -> dict[int, float]:
    """The noise multiplier of each client: as given, or calibrated so that its whole planned run costs epsilon.

    Empty without differential privacy. Cohorts are drawn independently of the data, so calibrating on the rounds in
    which a client will really take part is sound.
    """
    privacy = scenario.privacy
    if not isinstance(privacy, DpSgd):
        return {}
    if privacy.noise_multiplier is not None:
        return dict.fromkeys(beginning.records, privacy.noise_multiplier)
    assert privacy.epsilon is not None
    found: dict[tuple[int, int], float] = {}
    noise = {}
    for client, records in beginning.records.items():
        key = (records, _participations(scenario, beginning).get(client, 0))
        if key not in found:

            def rows_at(sigma: float, client: int = client) -> Ledger:
                return planned_ledger(scenario, beginning, client, sigma)

            found[key] = ledger.calibrate(rows_at, privacy.epsilon, privacy.delta, privacy.accountant)
        noise[client] = found[key]
    return noise


def _participations(scenario: Scenario, beginning: World) -> dict[int, int]:
    if scenario.federation.sampling.kind == "all":
        return dict.fromkeys(beginning.records, scenario.federation.rounds)
    counts: dict[int, int] = {}
    for round_ in range(1, scenario.federation.rounds + 1):
        for client in cohort_at(scenario, world_at(scenario, beginning, round_), round_):
            counts[client] = counts.get(client, 0) + 1
    return counts
