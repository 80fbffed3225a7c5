"""The dry run: what a scenario plans, round by round, for each client and segment, without training."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from privacy import accounting, ledger
from privacy.errors import ScenarioError
from privacy.guarantees import DpSgd
from privacy.ledger import Ledger
from scenarios import source
from scenarios.records import records_of
from scenarios.schema import Scenario, sha256
from scenarios.timeline import happening, tasks_at
from scenarios.work import charges_of
from server import learning, planning
from server.opening import outlook_for, planned
from server.planning import Outlook
from simulation import crowds
from simulation.crowds import Promise
from simulation.report.wording import spans

_SHOWN_ROUNDS = 200
_MOST_PROJECTIONS = 20_000
"""Clients times rounds up to which epsilon is projected after every round."""

Table = dict[str, Any]


def describe(file: str, overrides: Sequence[str], round_: int | None = None) -> Iterator[str]:
    """The lines of `fedcrucible check`. Raises ScenarioError for a scenario that cannot work."""
    scenario, outlook = _read(file, overrides)
    if round_ is not None:
        told = _round(outlook, _possible(scenario, round_))
        yield _line(told, scenario)
        yield from crowds.whole(_asked(told), scenario.federation.clients)
        return
    plan = _plan(scenario, outlook)
    data, model = plan["data"], plan["model"]
    yield f"{scenario.name}: {scenario.question}"
    chosen_by = f", {data['validation_records']} to choose settings by" if data["validation_records"] else ""
    held_out = f"{data['test_records']} held out for testing{chosen_by}"
    yield f"data: {data['records']} records, {data['classes']} classes, {held_out}"
    if scenario.stream is not None:
        length = f"{scenario.stream.rounds_per_experience} rounds each"
        yield f"stream: {scenario.stream.kind}, {scenario.stream.experiences} experiences of {length}"
    yield f"model: {model['kind']}, {model['parameters']} parameters; learner: {scenario.learner.kind}"
    promise = Promise(scenario.privacy.delta) if isinstance(scenario.privacy, DpSgd) else None
    yield from crowds.lines(plan["clients"], promise)
    for told in plan["rounds"][:_SHOWN_ROUNDS]:
        yield _line(told, scenario)
    if len(plan["rounds"]) > _SHOWN_ROUNDS:
        yield f"... and {len(plan['rounds']) - _SHOWN_ROUNDS} more rounds"
    yield from _deserted(outlook)
    up, down = _megabytes(plan["sent_bytes"]), _megabytes(plan["received_bytes"])
    yield f"in all: {up} of updates up, {down} of models down, beside the plans"


def as_json(file: str, overrides: Sequence[str], round_: int | None = None) -> str:
    """The same as one JSON object, the same bytes for the same scenario."""
    scenario, outlook = _read(file, overrides)
    plan = _plan(scenario, outlook) if round_ is None else _round(outlook, _possible(scenario, round_))
    return json.dumps(plan, sort_keys=True, indent=1, allow_nan=False)


def planned_epsilon(scenario: Scenario) -> float | None:
    """The largest epsilon that any client is planned to spend; None without privacy or without a finite one."""
    outlook = outlook_for(scenario)
    told = _clients(scenario, outlook, planning.noise_by_client(outlook)).values()
    planned = [client["planned_epsilon"] for client in told]
    return None if None in planned else max(planned, default=None)


def _read(file: str, overrides: Sequence[str]) -> tuple[Scenario, Outlook]:
    loaded = source.read(file, overrides)
    return loaded.scenario, planned(loaded)


def _possible(scenario: Scenario, round_: int) -> int:
    if not 1 <= round_ <= scenario.federation.rounds:
        raise ScenarioError([f"--round {round_}: the run has the rounds 1 to {scenario.federation.rounds}"])
    return round_


def _plan(scenario: Scenario, outlook: Outlook) -> Table:
    records = records_of(scenario)
    dataset = records.dataset
    rounds = [_round(outlook, number) for number in range(1, scenario.federation.rounds + 1)]
    noise = planning.noise_by_client(outlook)
    if isinstance(scenario.privacy, DpSgd):
        for told, epsilon in zip(rounds, _projected(scenario, scenario.privacy, outlook, noise), strict=False):
            told["planned_epsilon"] = epsilon
    return {
        "scenario_sha256": sha256(scenario),
        "data": {
            "records": len(dataset),
            "classes": len(dataset.classes),
            "test_records": len(records.division.test),
            "validation_records": len(records.division.validation),
            "experiences": list(records.division.experiences.names),
        },
        "model": {
            "kind": scenario.model.kind,
            "parameters": scenario.model.size(dataset.shape, len(dataset.classes)),
        },
        "clients": _clients(scenario, outlook, noise),
        "rounds": rounds,
        "sent_bytes": sum(told["sent_bytes"] for told in rounds),
        "received_bytes": sum(told["received_bytes"] for told in rounds),
    }


def _clients(scenario: Scenario, outlook: Outlook, noise: Mapping[int, float]) -> Table:
    asked, told = planning.taking_part(outlook), Table()
    for client, own in enumerate(outlook.holdings):
        rows = planning.planned_ledger(scenario, asked[client], noise.get(client, 0.0))
        spent = _by_segment(scenario, rows)
        steps = {segment.name: sum(r.steps for r in rows if r.segment == segment.name) for segment in own}
        told[str(client)] = {
            "records": sum(segment.size for segment in own),
            "noise_multiplier": noise.get(client),
            "planned_epsilon": _largest(spent.values()) if noise else None,
            "segments": {
                segment.name: {
                    "records": segment.size,
                    "steps": steps[segment.name],
                    "planned_epsilon": _finite(spent.get(segment.name, 0.0)) if noise else None,
                }
                for segment in own
            },
        }
    return told


def _round(outlook: Outlook, round_: int) -> Table:
    """What is planned for one round, from the scenario alone."""
    scenario, world = outlook.scenario, outlook.world(round_)
    dataset = records_of(scenario).dataset
    classes, parameters = len(dataset.classes), scenario.model.size(dataset.shape, len(dataset.classes))
    upload = learning.uploaded_size(scenario, parameters, classes)
    lost, tasks, concerned, up, down = outlook.lost(round_), Table(), set[int](), 0, 0
    for task in tasks_at(scenario, round_):
        cohort = outlook.cohort(round_, task)
        concerned |= cohort.keys()
        asked = len([client for client in cohort if lost.get(client) != "before-training"])
        up += asked * scenario.protection.upload_bytes(upload)
        down += 4 * asked * parameters * (1 + learning.sent_beside(scenario, round_))
        tasks[task] = {
            str(client): {"records": work.records, "steps": work.steps, "segments": dict(work.rates)}
            for client, work in cohort.items()
        }
    return {
        "round": round_,
        "experience": world.experience,
        "events": happening(scenario, round_),
        "tasks": tasks,
        "lost": {str(client): how for client, how in sorted(lost.items()) if client in concerned},
        "restarts_from": outlook.restart_round(round_),
        "budget": world.budget,
        "sent_bytes": up,
        "received_bytes": down,
    }


def _projected(
    scenario: Scenario, privacy: DpSgd, outlook: Outlook, noise: Mapping[int, float]
) -> Iterator[float | None]:
    """The largest epsilon of any client after each round, if no budget stops it; none where there is too much to do."""
    if len(outlook.holdings) * scenario.federation.rounds > _MOST_PROJECTIONS:
        return
    rows: dict[int, Ledger] = dict.fromkeys(range(len(outlook.holdings)), ())
    for round_ in range(1, scenario.federation.rounds + 1):
        for task in tasks_at(scenario, round_):
            for client, work in outlook.cohort(round_, task).items():
                rows[client] = ledger.add_all(rows[client], charges_of(scenario, work, noise[client]))
        yield _finite(accounting.largest(rows.values(), privacy.delta, privacy.accountant))


def _by_segment(scenario: Scenario, rows: Ledger) -> Mapping[str, float]:
    privacy = scenario.privacy
    return accounting.epsilon_by_segment(rows, privacy.delta, privacy.accountant) if isinstance(privacy, DpSgd) else {}


def _asked(told: Table) -> list[int]:
    """Who is asked for anything in a round, ascending."""
    return sorted({int(client) for cohort in told["tasks"].values() for client in cohort})


def _line(told: Table, scenario: Scenario) -> str:
    """One round in a line."""
    parts = [crowds.cohort(_asked(told), scenario.federation.clients)]
    if told["lost"]:
        parts.append(f"lost {crowds.lost(told['lost'], scenario.federation.clients)}")
    if told["restarts_from"] is not None:
        parts.append(f"the model is again that of round {told['restarts_from']}")
    parts.append(f"{_megabytes(told['sent_bytes'])} up")
    if told.get("planned_epsilon") is not None:
        parts.append(f"epsilon so far {told['planned_epsilon']:.4g}")
        if told["budget"] is not None and told["planned_epsilon"] > told["budget"]:
            parts.append(f"beyond the budget of {told['budget']:g}")
    events = "".join(f" [{crowds.within(event)}]" for event in told["events"])
    return f"round {told['round']}:{events} {'; '.join(parts)}"


def _deserted(outlook: Outlook) -> Iterator[str]:
    """A warning of rounds that the timeline leaves without anybody, and of the round from which on it stays so."""
    if outlook.timeless:
        return
    last = outlook.scenario.federation.rounds
    empty = [round_ for round_ in range(1, last + 1) if not _anybody(outlook, round_)]
    inhabited = max(set(range(last + 1)) - set(empty))
    passing = [round_ for round_ in empty if round_ < inhabited]
    if passing:
        yield f"warning: nobody takes part in {'round' if len(passing) == 1 else 'rounds'} {spans(passing, '-')}"
    if inhabited < last:
        yield f"warning: nobody is left to take part from round {inhabited + 1} on, to the end of the run"


def _anybody(outlook: Outlook, round_: int) -> bool:
    """Whether anybody could be asked in a round, drawn or not; who has released its statistics is still there."""
    if outlook.scenario.learner.repeats:
        return bool(outlook.works(round_, "train"))
    return bool(outlook.world(round_).present)


def _largest(values: Iterable[float]) -> float | None:
    return _finite(max(values, default=0.0))


def _finite(value: float) -> float | None:
    """JSON has no infinity."""
    return value if math.isfinite(value) else None


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.2f} MB"
