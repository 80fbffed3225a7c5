"""From a timeline to plans: who takes part in a round, with which weight and under how much noise. Pure functions."""

import functools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from privacy import ledger
from privacy.calibration import calibrate
from privacy.errors import ScenarioError
from privacy.ledger import Charge, Ledger
from scenarios.learners import Task
from scenarios.plans import Plan
from scenarios.records import records_of
from scenarios.schema import DpSgd, FixedSampling, PoissonSampling, Scenario
from scenarios.seeds import stream
from scenarios.segments import Holdings, available
from scenarios.timeline import tasks_at, world_at
from scenarios.values import counted
from scenarios.work import Work, charges_of, released, work_at
from scenarios.world import World

Works = Mapping[int, Work]
"""What there is to do, by client in ascending order."""


@dataclass(frozen=True, eq=False)
class Outlook:
    """A scenario with the holdings of its clients: all that planning goes by."""

    scenario: Scenario
    holdings: Holdings

    @functools.cached_property
    def timeless(self) -> bool:
        """Whether all rounds are alike but for who is drawn."""
        return self.scenario.stream is None and not self.scenario.event

    @functools.cached_property
    def _known(self) -> dict[tuple[object, ...], Works]:
        return {}

    def world(self, round_: int) -> World:
        """The world of a round."""
        return world_at(self.scenario, round_)

    def works(self, round_: int, task: Task) -> Works:
        """The work of every client that has any; the same objects in rounds that find the same data."""
        world = self.world(round_)
        if task == "statistics":
            return self._works(world, task)
        key = task, world.experience, world.present, world.arrived, world.unlearned
        if key not in self._known:
            self._known[key] = self._works(world, task)
        return self._known[key]

    def cohort(self, round_: int, task: Task) -> Works:
        """The work of the clients of a round, ascending; chosen by the stream named after the round."""
        works, sampling = self.works(round_, task), self.scenario.federation.sampling
        present = list(works)
        rng = stream(self.scenario.seed, "round", round_, "cohort")
        if isinstance(sampling, FixedSampling) and present:
            count = min(sampling.count, len(present))
            drawn = sorted(int(client) for client in rng.choice(present, size=count, replace=False))
        elif isinstance(sampling, PoissonSampling):
            coins = rng.random(self.scenario.federation.clients)
            drawn = [client for client in present if coins[client] < sampling.rate]
        else:
            return works
        return {client: works[client] for client in drawn}

    def lost(self, round_: int) -> dict[int, str]:
        """Who is lost to a round, and how; drawn by a stream of its own, so it is known beforehand."""
        delays = self.world(round_).delays
        lost: dict[int, str] = {client: "late" for client, delay in delays.items() if delay.late == "drop"}
        for dropout in self.world(round_).dropouts:
            coins = stream(self.scenario.seed, "round", round_, dropout.name).random(self.scenario.federation.clients)
            concerned = range(len(coins)) if dropout.clients is None else dropout.clients
            lost.update({client: dropout.stage for client in concerned if coins[client] < dropout.rate})
        return lost

    def restart_round(self, round_: int) -> int | None:
        """The round after which the model was as it is to be again; 0 is the beginning, None: it goes on as it is."""
        restart = self.world(round_).restart
        if restart is None:
            return None
        if restart.before is None:
            return 0
        return next(
            earlier - 1
            for earlier in range(1, round_ + 1)
            if earlier == round_
            or any(
                segment.name == name or not name
                for client, name in restart.before
                for segment in available(self.world(earlier), client, self.holdings[client])
            )
        )

    @functools.cached_property
    def kept_rounds(self) -> frozenset[int]:
        """The rounds after which the model has to be kept, since a later event goes back there."""
        found = (self.restart_round(event.at) for event in self.scenario.event)
        return frozenset(round_ for round_ in found if round_ is not None)

    def _works(self, world: World, task: Task) -> Works:
        found = {}
        for client, own in enumerate(self.holdings):
            work = work_at(self.scenario, own, client, world, task)
            if work is not None:
                found[client] = work
        return found


@functools.lru_cache(maxsize=4)
def outlook_of(scenario: Scenario) -> Outlook:
    """A scenario with its data divided; once a process. Raises ScenarioError where that cannot be."""
    return Outlook(scenario, records_of(scenario).division.holdings)


def plan_round(
    outlook: Outlook, noise: Mapping[int, float], round_: int, run: str, interrupted: int = 0, task: Task = "train"
) -> list[Plan]:
    """The plans of a round's task, by client in ascending order. Any round can be planned alone."""
    cohort = outlook.cohort(round_, task)
    total = sum(work.weight for work in cohort.values())
    text = outlook.scenario.model_dump_json()
    return [
        Plan(
            run=run,
            round=round_,
            client=client,
            weight=work.weight / total,
            noise_multiplier=noise.get(client, 0.0),
            interrupted=interrupted,
            scenario=text,
            task=task,
        )
        for client, work in cohort.items()
    ]


def weighed(plans: list[Plan], works: Works, ledgers: Mapping[int, Ledger]) -> list[Plan]:
    """The plans of a private release of statistics, by `ledgers` before it: who is known to add zeros weighs nothing.

    That is whoever is only to take back what no budget let it release. It is no company for another to be hidden among.
    """
    return [
        plan if _adds(works[plan.client], ledgers.get(plan.client, ())) else replace(plan, weight=0.0) for plan in plans
    ]


def _adds(work: Work, rows: Ledger) -> bool:
    return any(part.sign > 0 for part in work.parts) or not released(rows).isdisjoint(work.taken_back)


def require_quorum(outlook: Outlook) -> None:
    """Raise ScenarioError where a round comes out with too few clients; who is drawn is known before anything runs.

    A round for which there is nobody passes without an update. A round with fewer clients than the quorum would fail
    the run, and the sum of a single client would not be opened under a protection that hides updates: with noise or
    without, it is that client's own.
    """
    scenario = outlook.scenario
    if outlook.timeless and not isinstance(scenario.federation.sampling, PoissonSampling):
        return
    quorum = scenario.federation.quorum
    least = max(quorum, 2 if scenario.protection.hides_updates else 1)
    for round_ in range(1, scenario.federation.rounds + 1):
        for task in tasks_at(scenario, round_):
            asked = outlook.cohort(round_, task)
            left = len([client for client in asked if client not in outlook.lost(round_)])
            if asked and left < least:
                lone = task == "statistics" and scenario.protection.hides_updates and len(asked) == 1
                told = _alone(round_, *asked) if lone else _too_few(scenario, round_, len(asked), left, least)
                raise ScenarioError([told])


def _alone(round_: int, client: int) -> str:
    return (
        f"protection.kind: in round {round_} client {client} alone has statistics to release, and the sum would be its "
        f"own; let another client have something due in round {round_}, too, or take the protection 'none', which "
        "hides nothing"
    )


def _too_few(scenario: Scenario, round_: int, asked: int, left: int, least: int) -> str:
    limits = f"(quorum {scenario.federation.quorum}, protection {scenario.protection.kind})"
    needed, drawn = f"{least} {'is' if least == 1 else 'are'} needed {limits}", counted(asked, "client")
    if isinstance(scenario.federation.sampling, PoissonSampling) and left == asked:
        return f"federation.sampling: round {round_} draws {drawn}, and {needed}; raise rate or change seed"
    dropped = f", of whom {asked - left} {'drops' if asked - left == 1 else 'drop'} out" if left < asked else ""
    return f"federation.quorum: round {round_} has {drawn}{dropped}, and {needed}"


def taking_part(outlook: Outlook) -> dict[int, Counter[Work]]:
    """What each client is asked for and how often; walks through the whole run, so it is worth keeping."""
    scenario, counts = outlook.scenario, {client: Counter[Work]() for client in range(len(outlook.holdings))}
    if outlook.timeless and scenario.federation.sampling.kind == "all" and scenario.learner.repeats:
        works = outlook.works(1, "train")
        return {client: Counter({works[client]: scenario.federation.rounds}) for client in counts}
    for _, client, work in asked(outlook):
        counts[client][work] += 1
    return counts


def asked(outlook: Outlook) -> Iterator[tuple[int, int, Work]]:
    """Round, client and work of everything that will be asked for."""
    for round_ in range(1, outlook.scenario.federation.rounds + 1):
        for task in tasks_at(outlook.scenario, round_):
            for client, work in outlook.cohort(round_, task).items():
                yield round_, client, work


def planned_ledger(scenario: Scenario, parts: Mapping[Work, int], noise_multiplier: float) -> Ledger:
    """What a client will have spent that is asked for each work so many times, if no budget stops it."""
    rows: Ledger = ()
    for work, times in parts.items():
        for charge in charges_of(scenario, work, noise_multiplier):
            rows = ledger.add(rows, replace(charge, steps=charge.steps * times))
    return rows


def noise_by_client(outlook: Outlook, parts: Mapping[int, Mapping[Work, int]] | None = None) -> dict[int, float]:
    """The noise multiplier of each client: as given, or calibrated so that its whole planned run costs epsilon.

    Empty without differential privacy. Cohorts are drawn independently of the data, so calibrating on the rounds in
    which a client will really take part is sound. `parts` are those of `taking_part`, where they are known. Raises
    ScenarioError where no noise reaches epsilon.
    """
    scenario = outlook.scenario
    privacy = scenario.privacy
    if not isinstance(privacy, DpSgd):
        return {}
    if privacy.noise_multiplier is not None:
        return dict.fromkeys(range(len(outlook.holdings)), privacy.noise_multiplier)
    parts = taking_part(outlook) if parts is None else parts
    return {client: _calibrated(scenario, planned_ledger(scenario, own, 1.0)) for client, own in parts.items()}


@functools.lru_cache(maxsize=16_384)
def _calibrated(scenario: Scenario, planned: tuple[Charge, ...]) -> float:
    """The noise multiplier for a client with this plan; many clients are alike, and a run plans what it has checked."""
    privacy = scenario.privacy
    assert isinstance(privacy, DpSgd)
    assert privacy.epsilon is not None
    try:
        return calibrate(
            lambda noise: tuple(replace(row, noise_multiplier=noise) for row in planned),
            privacy.epsilon,
            privacy.delta,
            privacy.accountant,
        )
    except ValueError as error:
        steps = max(sum(row.steps for row in planned if row.segment == name) for name in {r.segment for r in planned})
        reason = f"privacy.epsilon: {error}, for a client with {counted(steps, 'step')} on one segment"
        raise ScenarioError([f"{reason}; raise epsilon or delta, or lower federation.rounds"]) from error
