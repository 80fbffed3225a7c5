"""The dry run: what a scenario plans, round by round, for each client and segment, without training."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from privacy import accounting, ledger
from privacy.errors import ScenarioError
from privacy.guarantees import DpSgd
from privacy.ledger import Ledger
from scenarios import source
from scenarios.records import records_of
from scenarios.schema import Scenario, sha256
from scenarios.timeline import happening, tasks_at
from scenarios.values import counted
from scenarios.work import charges_of
from server.rounds import learning, planning
from server.rounds.planning import Outlook
from server.run_directory.opening import outlook_for, planned
from simulation.dry_run import crowds, foretelling
from simulation.dry_run.crowds import Promise
from simulation.dry_run.forecast import Forecast, forecast
from simulation.report.wording import spans

_SHOWN_ROUNDS = 200
_MOST_PROJECTIONS = 20_000
"""Clients times rounds up to which epsilon is projected after every round."""

Table = dict[str, Any]


def describe(file: str, overrides: Sequence[str], round_: int | None = None) -> Iterator[str]:
    """The lines of `fedcrucible check`. Raises ScenarioError for a scenario that cannot work."""
    prospect = _read(file, overrides)
    scenario, foreseen = prospect.scenario, prospect.foreseen
    if round_ is not None:
        told = _round(prospect, _possible(scenario, round_))
        if foreseen is not None and not foreseen.reaches(round_):
            yield foretelling.not_reached(foreseen, round_)
            return
        yield _line(told, scenario)
        yield from crowds.whole(_asked(told), scenario.federation.clients)
        return
    plan = _plan(prospect)
    data, model = plan["data"], plan["model"]
    yield f"{scenario.name}: {scenario.question}"
    chosen_by = f", {data['validation_records']} to choose settings by" if data["validation_records"] else ""
    held_out = f"{data['test_records']} held out for testing{chosen_by}"
    yield f"data: {counted(data['records'], 'record')}, {data['classes']} classes, {held_out}"
    if scenario.stream is not None:
        length = f"{counted(scenario.stream.rounds_per_experience, 'round')} each"
        yield f"stream: {scenario.stream.kind}, {counted(scenario.stream.experiences, 'experience')} of {length}"
    yield f"model: {model['kind']}, {model['parameters']} parameters; learner: {scenario.learner.kind}"
    promise = Promise(scenario.privacy.delta) if isinstance(scenario.privacy, DpSgd) else None
    yield from crowds.lines(plan["clients"], promise)
    rounds = plan["rounds"] if foreseen is None else plan["rounds"][: len(foreseen.rounds)]
    for told in rounds[:_SHOWN_ROUNDS]:
        yield _line(told, scenario)
    if len(rounds) > _SHOWN_ROUNDS:
        yield f"... and {counted(len(rounds) - _SHOWN_ROUNDS, 'more round')}"
    yield from _deserted(prospect.outlook)
    if foreseen is not None:
        yield from foretelling.warnings(foreseen)
    up, down = _megabytes(plan["sent_bytes"]), _megabytes(plan["received_bytes"])
    yield f"in all: {up} of updates up, {down} of models down, beside the plans"


def as_json(file: str, overrides: Sequence[str], round_: int | None = None) -> str:
    """The same as one JSON object, the same bytes for the same scenario."""
    prospect = _read(file, overrides)
    plan = _plan(prospect) if round_ is None else _round(prospect, _possible(prospect.scenario, round_))
    return json.dumps(plan, sort_keys=True, indent=1, allow_nan=False)


def planned_epsilon(scenario: Scenario) -> float | None:
    """The largest epsilon that any client is planned to spend; None without privacy or without a finite one."""
    outlook = outlook_for(scenario)
    told = _clients(_Prospect(outlook, planning.noise_by_client(outlook), None)).values()
    planned = [client["planned_epsilon"] for client in told]
    return None if None in planned else max(planned, default=None)


@dataclass(frozen=True)
class _Prospect:
    """All that a dry run goes by: `foreseen` is None without differential privacy, or where nobody asks for it."""

    outlook: Outlook
    noise: Mapping[int, float]
    foreseen: Forecast | None

    @property
    def scenario(self) -> Scenario:
        """What is planned."""
        return self.outlook.scenario


def _read(file: str, overrides: Sequence[str]) -> _Prospect:
    outlook = planned(source.read(file, overrides))
    noise = planning.noise_by_client(outlook)
    return _Prospect(outlook, noise, forecast(outlook, noise))


def _possible(scenario: Scenario, round_: int) -> int:
    if not 1 <= round_ <= scenario.federation.rounds:
        raise ScenarioError([f"--round {round_}: the run has the rounds 1 to {scenario.federation.rounds}"])
    return round_


def _plan(prospect: _Prospect) -> Table:
    scenario, foreseen = prospect.scenario, prospect.foreseen
    records = records_of(scenario)
    dataset = records.dataset
    rounds = [_round(prospect, number) for number in range(1, scenario.federation.rounds + 1)]
    clients = _clients(prospect)
    if foreseen is not None and len(clients) * len(rounds) <= _MOST_PROJECTIONS:
        for told, epsilon in zip(rounds, _projected(scenario, _planned_spending(prospect)), strict=True):
            told["planned_epsilon"] = epsilon
        for told, epsilon in zip(rounds, _projected(scenario, foreseen.spending()), strict=False):
            told["forecast_epsilon"] = epsilon
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
        "clients": clients,
        "forecast": None if foreseen is None else foretelling.of_run(foreseen),
        "rounds": rounds,
        "sent_bytes": sum(told["sent_bytes"] for told in rounds),
        "received_bytes": sum(told["received_bytes"] for told in rounds),
    }


def _clients(prospect: _Prospect) -> Table:
    scenario, outlook, noise, foreseen = prospect.scenario, prospect.outlook, prospect.noise, prospect.foreseen
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
    if foreseen is not None:
        _foretell(scenario, foreseen, told)
    return told


def _foretell(scenario: Scenario, foreseen: Forecast, clients: Table) -> None:
    """Add what each client and segment will have spent, and the first round that it cannot pay for."""
    retired, ledgers = foretelling.first_retired(foreseen), foreseen.ledgers()
    for client, told in clients.items():
        spent = _by_segment(scenario, ledgers[int(client)])
        told["forecast_epsilon"], told["first_retired"] = _largest(spent.values()), retired.get((int(client), None))
        for name, segment in told["segments"].items():
            segment["forecast_epsilon"] = _finite(spent.get(name, 0.0))
            segment["first_retired"] = retired.get((int(client), name))


def _round(prospect: _Prospect, round_: int) -> Table:
    """What is planned for one round, from the scenario alone, and what the forecast says of it."""
    outlook, foreseen = prospect.outlook, prospect.foreseen
    scenario, world = outlook.scenario, outlook.world(round_)
    dataset = records_of(scenario).dataset
    classes, parameters = len(dataset.classes), scenario.model.size(dataset.shape, len(dataset.classes))
    upload = learning.uploaded_size(scenario, parameters, classes)
    lost, tasks, concerned, up, down = outlook.lost(round_), Table(), set[int](), 0, 0
    for place, task in enumerate(tasks_at(scenario, round_)):
        cohort = outlook.cohort(round_, task)
        concerned |= cohort.keys()
        asked = training = len([client for client in cohort if lost.get(client) != "before-training"])
        if foreseen is not None:
            answers = foreseen.answers(round_, place)
            asked = len([answer for answer in answers.values() if answer.lost != "before-training"])
            training = len([answer for answer in answers.values() if answer.admitted is not None])
        up += training * scenario.protection.upload_bytes(upload)
        down += 4 * asked * parameters * (1 + _sent_beside(prospect, round_))
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
        "forecast": None if foreseen is None else foretelling.of_round(foreseen, round_),
        "sent_bytes": up,
        "received_bytes": down,
    }


def _sent_beside(prospect: _Prospect, round_: int) -> int:
    """How many vectors as long as the model go with it: what nobody could pay for is not there to be sent."""
    scenario, foreseen = prospect.scenario, prospect.foreseen
    least = 2 if scenario.protection.hides_updates else 1
    if scenario.learner.consolidates and foreseen is not None and not foreseen.consolidated(round_, least):
        return 0
    return learning.sent_beside(scenario, round_)


def _planned_spending(prospect: _Prospect) -> Iterator[Mapping[int, Ledger]]:
    """What each client will have spent after each round, if no budget stops it and nobody is lost."""
    scenario, outlook = prospect.scenario, prospect.outlook
    rows: dict[int, Ledger] = dict.fromkeys(range(len(outlook.holdings)), ())
    for round_ in range(1, scenario.federation.rounds + 1):
        for task in tasks_at(scenario, round_):
            for client, work in outlook.cohort(round_, task).items():
                rows[client] = ledger.add_all(rows[client], charges_of(scenario, work, prospect.noise[client]))
        yield rows


def _projected(scenario: Scenario, spending: Iterator[Mapping[int, Ledger]]) -> Iterator[float | None]:
    """The largest epsilon of any client after each round."""
    privacy = scenario.privacy
    assert isinstance(privacy, DpSgd)
    for rows in spending:
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
    if told["forecast"] is not None:
        parts.extend(foretelling.line_parts(told["forecast"], _asked(told), scenario.federation.clients))
    parts.append(f"{_megabytes(told['sent_bytes'])} up")
    if told.get("forecast_epsilon") is not None:
        parts.append(f"epsilon so far {told['forecast_epsilon']:.4g}")
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
