"""The strategy loop: plan, exchange, aggregate, evaluate, checkpoint, journal; one round after another."""

import hashlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
from flwr.serverapp import Grid

from privacy import ledger
from privacy.errors import RunFailed
from privacy.ledger import Ledger
from privacy.protections.protocol import Cohort, Participant, Reply
from privacy.view import Rejection, Vector, View
from scenarios.plans import Plan, private_steps
from scenarios.records import records_of
from scenarios.schema import DpSgd, Scenario
from scenarios.world import World
from server import journal, planning, rules
from server.accounts import Accounts
from server.checkpoint import Checkpoint, HoldsClients
from server.ending import reason_of
from server.evaluation import Examination
from server.exchange import Courier, Member, Traffic, drive, introduce, model_bytes
from server.journal import Record
from server.recorder import Recorder
from server.recovery import Recovered

_LARGEST_FIGURE = 1e12


@dataclass
class Federation:
    """A run under way. `previous` is the hash of the journal's last line, `noise` each client's multiplier."""

    grid: Grid
    scenario: Scenario
    recorder: Recorder
    run: str
    examination: Examination
    model: Vector
    round: int = 0
    previous: str = journal.GENESIS
    material: bytes = b""
    interrupted: int = 0
    ended: bool = False
    roster: Mapping[int, Member] = field(default_factory=dict)
    accounts: Accounts = field(default_factory=Accounts)
    noise: Mapping[int, float] = field(default_factory=dict)

    def begin(self) -> None:
        """Gather the clients, set up keys, and write the journal's first line."""
        self._gather()
        protocol = self.scenario.protection.prepare(self.run, sorted(self.roster))
        courier = Courier({}, self._bystander)
        self.material = drive(protocol, self.grid, self.roster, courier)
        accuracy, loss = self.examination.score(self.model)
        figures = {"accuracy": accuracy, "loss": loss, **_bytes(courier.traffic)}
        self._keep({"kind": "start", "run": self.run, "round": 0, **figures})

    def go_on(self, recovered: Recovered) -> None:
        """Continue after a checkpoint: clients get their memories back. Raises RunFailed where they live elsewhere."""
        if not isinstance(self.grid, HoldsClients):
            raise RunFailed("only runs of the in-process engine can be resumed: elsewhere clients' memories are lost")
        kept = recovered.checkpoint
        self.grid.restore(kept.memories)  # before anybody is asked anything: it holds their keys
        self._gather()
        self.model, self.round, self.material = kept.model, kept.round, kept.material
        self.previous, self.ended, self.interrupted = recovered.head, recovered.ended, recovered.interrupted
        for client, memory in kept.memories.items():
            self.accounts.restore(client, ledger.from_json(str(memory.get("ledger", "[]"))))

    def play(self) -> None:
        """Run the rounds that are left and write the journal's last line. Raises RunFailed below the quorum."""
        while self.round < self.scenario.federation.rounds:
            self._play_round(self.round + 1)
            self.interrupted = 0
        if not self.ended:
            self._record({"kind": "end", "round": self.round, "model_sha256": self.model_sha256})

    @property
    def model_sha256(self) -> str:
        """The name of the global model: SHA-256 of its bytes."""
        return hashlib.sha256(model_bytes(self.model)).hexdigest()

    def _gather(self) -> None:
        held = [len(records) for records in records_of(self.scenario).division.train]
        self.roster = introduce(self.grid, held, self._bystander)
        beginning = self._beginning
        self.noise = planning.noise_by_client(self.scenario, beginning)

    @property
    def _beginning(self) -> World:
        return World({client: member.records for client, member in self.roster.items()})

    @property
    def _bystander(self) -> Plan:
        """The plan of a client that does not train: a key holder is asked in rounds it has no part in, too."""
        return Plan(self.run, 0, 0, 0.0, 0.0, 0, self.scenario.model_dump_json())

    def _play_round(self, round_: int) -> None:
        begun = time.perf_counter()
        plans = planning.plan_round(self.scenario, self._beginning, self.noise, round_, self.run, self.interrupted)
        courier = Courier({plan.client: plan for plan in plans}, self._bystander, self.model)
        participants = tuple(Participant(p.client, p.weight, self.roster[p.client].public_key) for p in plans)
        cohort = Cohort(self.run, round_, len(self.model), participants)
        try:
            view = drive(self.scenario.protection.collect(cohort, self.material), self.grid, self.roster, courier)
        except Exception as error:  # noqa: BLE001 - whatever it is, the round's charges are journalled before it goes on
            lost = View(round_, np.zeros(len(self.model)), ())
            self._fail(round_, self._reports(plans, lost, courier.traffic), reason_of(error), error)
        reports = self._reports(plans, view, courier.traffic)
        trained, quorum = len(view.contributions), self.scenario.federation.quorum
        if trained < quorum and not self._nobody_left(reports):
            self._fail(round_, reports, _below_quorum(trained, quorum, reports))
        self.model = rules.apply(self.scenario.federation.rule, self.model, view)
        accuracy, loss = self.examination.score(self.model)
        if not (np.isfinite(self.model).all() and math.isfinite(loss)):
            self._fail(round_, reports, "the model diverged; lower training.learning_rate")
        self.round = round_
        self._keep(
            {
                "kind": "round",
                "round": round_,
                "accuracy": accuracy,
                "loss": loss,
                "cohort": [plan.client for plan in plans],
                "reports": reports,
                "epsilon": self._epsilon(),
                "seen": {"updates": view.updates is not None, "metadata": ["weight", "bytes", *_told(courier.traffic)]},
                **_bytes(courier.traffic),
                "train_seconds": sum(float(r["seconds"]) for r in reports.values()),
                "seconds": time.perf_counter() - begun,
                "model_sha256": self.model_sha256,
            }
        )

    def _reports(self, plans: list[Plan], view: View, traffic: Traffic) -> dict[str, Record]:
        rejected = {rejection.client: rejection for rejection in view.rejections}
        accepted = {contribution.client for contribution in view.contributions}
        reports = {}
        for plan in plans:
            reply = traffic.replies.get(plan.client, Reply(plan.client, error="no reply"))
            status, reason = _status(plan.client, reply, accepted, rejected)
            reports[str(plan.client)] = {
                "status": status,
                "reason": reason,
                "weight": plan.weight,
                "seconds": _measured(reply.fields.get("seconds")),
                "saturated": int(_measured(reply.fields.get("saturated"))),
                "sent_bytes": traffic.sent_bytes.get(plan.client, 0),
                "received_bytes": traffic.received_bytes.get(plan.client, 0),
                "ignored_replies": traffic.ignored.get(self.roster[plan.client].node, 0),
                "ledger": ledger.to_rows(self._ledger_after(plan, reply)),
            }
        return reports

    def _ledger_after(self, plan: Plan, reply: Reply) -> Ledger:
        steps = private_steps(self.scenario, self.roster[plan.client].records, plan.noise_multiplier)
        return self.accounts.settle(
            plan.client, reply, None if steps is None else steps.charge, attempts=1 + plan.interrupted
        )

    def _epsilon(self) -> dict[str, float | None] | None:
        privacy = self.scenario.privacy
        if not isinstance(privacy, DpSgd):
            return None
        spent = {client: ledger.epsilon(rows, privacy.delta) for client, rows in sorted(self.accounts.ledgers.items())}
        return {str(client): value if math.isfinite(value) else None for client, value in spent.items()}

    def _nobody_left(self, reports: Mapping[str, Record]) -> bool:
        """Whether budgets are spent, or a Poisson cohort came out empty, so that there is no sum to be had.

        Under a protection that hides updates the sum of a single client is not opened.
        """
        left = sum(report["status"] != "retired" for report in reports.values())
        return left == 0 or (left == 1 and len(reports) > 1 and self.scenario.protection.hides_updates)

    def _fail(
        self, round_: int, reports: Mapping[str, Record], reason: str, cause: Exception | None = None
    ) -> NoReturn:
        """End the run in the middle of a round; what the round cost its clients is journalled all the same."""
        self._record({"kind": "round-failed", "round": round_, "reason": reason, "reports": reports})
        raise RunFailed(f"round {round_}: {reason}") from cause

    def _keep(self, content: Record) -> None:
        """Write a round down, with all it takes to go on from there."""
        line = self._linked(content)
        memories = self.grid.memories() if isinstance(self.grid, HoldsClients) else {}
        self.recorder.keep(Checkpoint(self.round, self.model, self.material, line, memories))

    def _record(self, content: Record) -> None:
        self.recorder.append(self._linked(content))

    def _linked(self, content: Record) -> Record:
        line = journal.link(self.previous, content)
        self.previous = str(line["hash"])
        return line


def _bytes(traffic: Traffic) -> dict[str, int]:
    return {
        "sent_bytes": sum(traffic.sent_bytes.values()),
        "received_bytes": sum(traffic.received_bytes.values()),
    }


def _status(client: int, reply: Reply, accepted: set[int], rejected: Mapping[int, Rejection]) -> tuple[str, str]:
    if client in accepted:
        return "trained", ""
    if reply.fields.get("status") == "retired":
        return "retired", reply.error
    if reply.error:
        return "failed", reply.error
    return "rejected", rejected[client].reason if client in rejected else "not in the sum"


def _told(traffic: Traffic) -> list[str]:
    """Which figures clients told the server beside their updates."""
    told = {name for reply in traffic.replies.values() for name in reply.fields}
    return [name for name in ("ledger", "saturated", "seconds") if name in told]


def _measured(value: object) -> float:
    """A figure that a client reports, or 0.0 where it reports none that can be."""
    possible = isinstance(value, int | float) and 0 <= value < _LARGEST_FIGURE
    return float(value) if possible and isinstance(value, int | float) else 0.0


def _below_quorum(trained: int, quorum: int, reports: Mapping[str, Record]) -> str:
    told = sorted(reports.items(), key=lambda item: (item[1]["status"] == "retired", int(item[0])))
    reasons = [f"client {client}: {report['reason']}" for client, report in told if report["reason"]]
    detail = "; ".join(reasons[:5]) or "no reason given"
    return f"{trained} usable updates, below the quorum of {quorum} ({detail})"
