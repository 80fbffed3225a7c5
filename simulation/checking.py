"""The dry run: what a scenario plans, round by round, without training."""

from collections.abc import Iterator, Sequence

from privacy import ledger
from privacy.guarantees import DpSgd
from scenarios import source
from scenarios.records import records_of
from scenarios.schema import Scenario
from scenarios.world import World, world_at
from server import planning
from server.opening import beginning_of

_SHOWN_ROUNDS = 200


def describe(file: str, overrides: Sequence[str]) -> Iterator[str]:
    """The lines of `fedcrucible check`. Raises ScenarioError for a scenario that cannot work."""
    loaded = source.read(file, overrides)
    scenario = loaded.scenario
    dataset, division = records_of(scenario).dataset, records_of(scenario).division
    beginning = beginning_of(scenario)
    yield f"{scenario.name}: {scenario.question}"
    records, classes = len(dataset.labels), len(dataset.classes)
    yield f"data: {records} records, {classes} classes, {len(division.test)} held out for testing"
    parameters = scenario.model.size(dataset.shape, classes)
    yield f"model: {scenario.model.kind}, {parameters} parameters"
    yield from _clients(scenario, beginning)
    yield from _rounds(scenario, beginning, parameters)


def _clients(scenario: Scenario, beginning: World) -> Iterator[str]:
    rounds = planning.rounds_by_client(scenario, beginning)
    noise = planning.noise_by_client(scenario, beginning, rounds)
    privacy = scenario.privacy
    for client, records in beginning.records.items():
        line = f"client {client}: {records} records"
        if isinstance(privacy, DpSgd):
            rows = planning.planned_ledger(scenario, records, noise[client], rounds[client])
            planned = ledger.epsilon(rows, privacy.delta, privacy.accountant)
            steps = sum(row.steps for row in rows)
            line += f", noise multiplier {noise[client]:.4g}, {steps} steps, planned epsilon {planned:.4g}"
            if privacy.delta >= 1 / records:
                line += f" (warning: delta {privacy.delta:g} is not below 1/{records})"
        yield line


def _rounds(scenario: Scenario, beginning: World, parameters: int) -> Iterator[str]:
    rounds, asked = scenario.federation.rounds, 0
    up, down = scenario.protection.upload_bytes(parameters), 4 * parameters
    for round_ in range(1, rounds + 1):
        cohort = planning.cohort_at(scenario, world_at(scenario, beginning, round_), round_)
        asked += len(cohort)
        if round_ <= _SHOWN_ROUNDS:
            clients = " ".join(map(str, cohort)) or "none"
            yield f"round {round_}: clients {clients}; {_megabytes(len(cohort) * up)} up"
    if rounds > _SHOWN_ROUNDS:
        yield f"... and {rounds - _SHOWN_ROUNDS} more rounds"
    yield f"in all: {_megabytes(asked * up)} of updates up, {_megabytes(asked * down)} of models down, beside the plans"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB"
