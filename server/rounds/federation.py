"""The strategy loop: plan, exchange, aggregate, evaluate, checkpoint, journal; one round after another."""

import functools
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

import numpy as np
from flwr.serverapp import Grid

from privacy import accounting, ledger
from privacy.errors import RunFailed
from privacy.protections.protocol import Cohort, Participant
from privacy.view import View
from scenarios.learners import Task
from scenarios.plans import Plan
from scenarios.schema import DpSgd, Scenario
from scenarios.timeline import ends_experience, happening, tasks_at
from server import rules
from server.evaluation.examination import Examination
from server.rounds import learning, planning, reports, statuses
from server.rounds.accounts import Accounts
from server.rounds.exchange import Courier, Member, drive, introduce
from server.rounds.planning import Outlook
from server.rounds.reports import Asked
from server.rounds.state import State, held_back, model_sha256, with_late
from server.rounds.trace import Trace
from server.run_directory import journal
from server.run_directory.checkpoint import Checkpoint, HoldsClients
from server.run_directory.ending import reason_of
from server.run_directory.journal import Line, Record
from server.run_directory.recorder import Recorder
from server.run_directory.recovery import Recovered

_BY_ROUND: accounting.Accountant = "rdp"


@dataclass
class Federation:
    """A run under way. `previous` is the hash of the journal's last line, `noise` each client's multiplier.

    `stopped` says why the run ends before its last round, where it does.
    """

    grid: Grid
    scenario: Scenario
    recorder: Recorder
    run: str
    examination: Examination
    state: State
    round: int = 0
    previous: str = journal.GENESIS
    material: bytes = b""
    interrupted: int = 0
    ended: bool = False
    stopped: str = ""
    roster: Mapping[int, Member] = field(default_factory=dict)
    accounts: Accounts = field(default_factory=Accounts)
    noise: Mapping[int, float] = field(default_factory=dict)
    trace: Trace = field(default_factory=Trace)

    def begin(self, of_manifest: Record) -> None:
        """Gather the clients, set up keys, and write the journal's first line, which repeats what is `of_manifest`."""
        self._gather()
        protocol = self.scenario.protection.prepare(self.run, sorted(self.roster))
        courier = Courier({}, self._bystander, self.trace)
        self.material = drive(protocol, self.grid, self.roster, courier)
        self._keep_if_needed()
        figures = self.examination.figures(self.state.model, 1, whole=False)
        which = {"run": self.run, **of_manifest}
        self._keep({"kind": "start", **which, "round": 0, **figures, **courier.traffic.totals})

    def go_on(self, recovered: Recovered) -> None:
        """Continue after a checkpoint: clients get their memories back. Raises RunFailed where they live elsewhere."""
        if not isinstance(self.grid, HoldsClients):
            raise RunFailed("only runs of the in-process engine can be resumed: elsewhere clients' memories are lost")
        kept = recovered.checkpoint
        self.grid.restore(kept.memories)  # before anybody is asked anything: it holds their keys
        self._gather()
        self.trace = Trace()  # that all introduced themselves again is no part of a run's own story
        self.state, self.round, self.material = State.from_arrays(kept.arrays), kept.round, kept.material
        self.previous, self.ended, self.interrupted = recovered.head, recovered.ended, recovered.interrupted
        self.stopped = str(kept.line.record.get("stopped", ""))
        for client, known in recovered.ledgers.items():
            memory = kept.memories.get(client, {})
            self.accounts.restore(client, ledger.from_json(str(memory.get("ledger", "[]"))), known)

    def play(self) -> None:
        """Run the rounds that are left and write the journal's last line. Raises RunFailed below the quorum."""
        while self.round < self.scenario.federation.rounds and not self.stopped:
            self._play_round(self.round + 1)
            self.interrupted = 0
        if not self.ended:
            self._record({"kind": "end", "round": self.round, "model_sha256": self.model_sha256})

    @property
    def model_sha256(self) -> str:
        """The name of the global model: SHA-256 of its bytes."""
        return model_sha256(self.state.model)

    @functools.cached_property
    def outlook(self) -> Outlook:
        """What planning goes by."""
        return planning.outlook_of(self.scenario)

    def _gather(self) -> None:
        held = [sum(segment.size for segment in own) for own in self.outlook.holdings]
        self.roster = introduce(self.grid, held, self._bystander, self.trace)
        self.noise = planning.noise_by_client(self.outlook)

    @property
    def _bystander(self) -> Plan:
        """The plan of a client that does not train: a key holder is asked in rounds it has no part in, too."""
        return Plan(self.run, 0, 0, 0.0, 0.0, 0, self.scenario.model_dump_json())

    def _play_round(self, round_: int) -> None:
        begun, outlook = time.perf_counter(), self.outlook
        back = outlook.restart_round(round_)
        if back is not None:
            self.state = self.state.back_to(back)
        told: dict[str, Record] = {}
        fates, sums, names, seen = list[Mapping[int, str]](), dict[str, int](), list[str](), False
        for task in tasks_at(self.scenario, round_):
            asked = self._ask(round_, task, told)
            own = reports.reports_of(self.scenario, asked, self.roster, self.accounts)
            told = reports.joined(told, own, task)
            fates.append(_statuses(own))
            came, quorum = len(asked.view.contributions) + len(asked.late), self.scenario.federation.quorum
            if came < quorum and not statuses.nobody_left(self.scenario, fates[-1]):
                self._fail(round_, told, reports.below_quorum(came, quorum, own))
            self._take_in(round_, task, asked)
            sums = {name: sums.get(name, 0) + count for name, count in asked.traffic.totals.items()}
            names, seen = reports.told(asked.traffic), seen or bool(asked.view.updates)
        figures = self.examination.figures(self.state.model, round_, whole=ends_experience(self.scenario, round_))
        if not (np.isfinite(self.state.model).all() and math.isfinite(figures["loss"])):
            self._fail(round_, told, "the model diverged; lower training.learning_rate")
        self.round, self.stopped = round_, statuses.reason_to_stop(self.scenario, fates)
        self._keep_if_needed()
        self._keep(
            {
                "kind": "round",
                "round": round_,
                **figures,
                "events": happening(self.scenario, round_),
                **({} if back is None else {"restarts_from": back}),
                "cohort": sorted(map(int, told)),
                "reports": told,
                **self._epsilon(),
                "seen": {"updates": seen, "metadata": ["weight", "bytes", *names]},
                **sums,
                "train_seconds": sum(float(r["seconds"]) for r in told.values()),
                "seconds": time.perf_counter() - begun,
                **({"stopped": self.stopped} if self.stopped else {}),
                "model_sha256": self.model_sha256,
            }
        )

    def _ask(self, round_: int, task: Task, told: dict[str, Record]) -> Asked:
        """Put one task to its cohort. What it may have cost is journalled, whatever goes wrong."""
        works = self.outlook.cohort(round_, task)
        plans = planning.plan_round(self.outlook, self.noise, round_, self.run, self.interrupted, task)
        if task == "statistics" and isinstance(self.scenario.privacy, DpSgd):
            plans = planning.weighed(plans, works, self.accounts.ledgers)
        arrays = {"parameters": self.state.model, **learning.sent_along(self.state.learned)}
        by_client, lost = {plan.client: plan for plan in plans}, self.outlook.lost(round_)
        courier = Courier(by_client, self._bystander_of(plans), self.trace, arrays, lost)
        participants = tuple(Participant(p.client, p.weight, self.roster[p.client].public_key) for p in plans)
        size = learning.uploaded_size(self.scenario, len(self.state.model), self.examination.classes)
        purpose = plans[0].purpose if plans else self.run
        cohort = Cohort(purpose, round_, size, participants)
        try:
            view = drive(self.scenario.protection.collect(cohort, self.material), self.grid, self.roster, courier)
        except Exception as error:  # noqa: BLE001 - whatever it is, the round's charges are journalled first
            asked = Asked(plans, works, View(round_, np.zeros(size), ()), courier.traffic)
            cost = reports.reports_of(self.scenario, asked, self.roster, self.accounts)
            self._fail(round_, reports.joined(told, cost, task), reason_of(error), error)
        delays = {} if task != "train" else self.outlook.world(round_).delays
        view, late = held_back(view, {client: one.rounds for client, one in delays.items() if one.late == "use"})
        return Asked(plans, works, view, courier.traffic, late)

    def _bystander_of(self, plans: list[Plan]) -> Plan:
        return replace(self._bystander, task=plans[0].task) if plans else self._bystander

    def _take_in(self, round_: int, task: Task, asked: Asked) -> None:
        """The next state from what the server saw of a task."""
        state, view = self.state, asked.view
        if task == "consolidate":
            learned = learning.after_consolidation(self.scenario, state.model, state.learned, view)
            self.state = replace(state, learned=learned)
        elif task == "statistics":
            classes = self.examination.classes
            noise, ledgers = self.noise, self.accounts.ledgers
            self.state = learning.after_statistics(self.scenario, classes, state, view, asked.works, noise, ledgers)
        else:
            due = {one: self._weight(one.sent, one.client) for one in state.late if one.due == round_}
            model = rules.apply(self.scenario.federation.rule, state.model, with_late(view, due))
            learned = learning.after_training(self.scenario, round_, model, state.learned)
            waiting = (*(one for one in state.late if one.due > round_), *asked.late)
            self.state = replace(state, model=model, learned=learned, late=waiting)

    def _weight(self, round_: int, client: int) -> float:
        plans = planning.plan_round(self.outlook, self.noise, round_, self.run)
        return next(plan.weight for plan in plans if plan.client == client)

    def _epsilon(self) -> Record:
        """What each client has spent, by the Renyi accountant whichever the scenario's totals are by, and so named.

        Measured: PRV takes 40 to 240 ms for each of a round's unlike ledgers, where whole rounds take 30.
        """
        privacy = self.scenario.privacy
        if not isinstance(privacy, DpSgd):
            return {"epsilon": None}
        ledgers = sorted(self.accounts.ledgers.items())
        spent = {str(client): accounting.epsilon(rows, privacy.delta, _BY_ROUND) for client, rows in ledgers}
        told = {client: value if math.isfinite(value) else None for client, value in spent.items()}
        return {"epsilon": told, "accountant": _BY_ROUND}

    def _fail(self, round_: int, told: Mapping[str, Record], reason: str, cause: Exception | None = None) -> NoReturn:
        """End the run in the middle of a round; what the round cost its clients is journalled all the same."""
        self._record({"kind": "round-failed", "round": round_, "reason": reason, "reports": told})
        raise RunFailed(f"round {round_}: {reason}") from cause

    def _keep_if_needed(self) -> None:
        """Keep the state of this round if a later event goes back to it."""
        if self.round in self.outlook.kept_rounds:
            self.state = self.state.keep(self.round)

    def _keep(self, content: Record) -> None:
        """Write a round down, with all it takes to go on from there."""
        line = self._linked(content)
        memories = self.grid.memories() if isinstance(self.grid, HoldsClients) else {}
        self.recorder.keep(Checkpoint(self.round, self.state.to_arrays(), self.material, line, memories))

    def _record(self, content: Record) -> None:
        self.recorder.append(self._linked(content))

    def _linked(self, content: Record) -> Line:
        """What travelled since the line before is part of every line."""
        line = journal.link(self.previous, {**content, "messages": self.trace.lines()})
        self.previous, self.trace = line.hash, Trace()
        return line


def _statuses(told: Mapping[str, Record]) -> dict[int, str]:
    return {int(client): str(report["status"]) for client, report in told.items()}
