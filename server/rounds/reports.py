"""What the journal says of each client's part in a round."""

from collections.abc import Mapping
from dataclasses import dataclass

from privacy import ledger
from privacy.protections.protocol import Reply
from privacy.view import View
from scenarios.learners import Task
from scenarios.plans import Plan
from scenarios.schema import Scenario
from scenarios.values import counted
from scenarios.work import Work, charges_of
from server.rounds.accounts import Accounts
from server.rounds.exchange import LOSSES, Member, Traffic
from server.rounds.state import Late
from server.run_directory.journal import Record

_LARGEST_FIGURE = 1e12


@dataclass(frozen=True)
class Asked:
    """A task of a round as it was planned and what came of it. `late` are updates that will be used later."""

    plans: list[Plan]
    works: Mapping[int, Work]
    view: View
    traffic: Traffic
    late: tuple[Late, ...] = ()


def reports_of(scenario: Scenario, asked: Asked, roster: Mapping[int, Member], accounts: Accounts) -> dict[str, Record]:
    """A report for each client that was asked, with its ledger after the round, by client."""
    reports, fates, traffic = {}, _fates(asked), asked.traffic
    for plan in asked.plans:
        reply = traffic.replies.get(plan.client, Reply(plan.client, error="no reply"))
        status, reason = fates.get(plan.client) or _without_update(reply)
        work = asked.works[plan.client]
        charges, attempts = charges_of(scenario, work, plan.noise_multiplier), 1 + plan.interrupted
        rows = accounts.settle(plan.client, reply, charges, attempts, or_nothing=bool(work.taken_back))
        reports[str(plan.client)] = {
            "status": status,
            "reason": reason,
            "weight": plan.weight,
            "seconds": _measured(reply.fields.get("seconds")),
            "saturated": int(_measured(reply.fields.get("saturated"))),
            "sent_bytes": traffic.sent_bytes.get(plan.client, 0),
            "received_bytes": traffic.received_bytes.get(plan.client, 0),
            "ignored_replies": traffic.ignored.get(roster[plan.client].node, 0),
            "ledger": ledger.to_rows(rows),
        }
    return reports


_ADD_UP = ("seconds", "saturated", "sent_bytes", "received_bytes", "ignored_replies")
"""What a client's tasks of a round are counted together in."""


def joined(first: dict[str, Record], then: dict[str, Record], task: Task) -> dict[str, Record]:
    """The reports of two tasks of one round: bytes and seconds of both, the last ledger, and the fate in each.

    The first one's status, reason and weight stand where those of a round's only task do, a later one's in `then`, by
    its name.
    """
    if not first:
        return then
    both = dict(first)
    for client, report in then.items():
        fate = {task: {name: report[name] for name in ("status", "reason", "weight")}}
        before = both.get(client)
        if before is None:
            both[client] = {**report, "then": fate}
            continue
        sums = {name: before[name] + report[name] for name in _ADD_UP}
        both[client] = {**before, **sums, "ledger": report["ledger"], "then": {**before.get("then", {}), **fate}}
    return dict(sorted(both.items(), key=lambda item: int(item[0])))


def told(traffic: Traffic) -> list[str]:
    """Which figures clients told the server beside their updates."""
    names = {name for reply in traffic.replies.values() for name in reply.fields}
    return [name for name in ("ledger", "saturated", "seconds") if name in names]


def below_quorum(trained: int, quorum: int, reports: Mapping[str, Record]) -> str:
    """Why a round failed for which too few answered."""
    ordered = sorted(reports.items(), key=lambda item: (item[1]["status"] == "retired", int(item[0])))
    reasons = [f"client {client}: {report['reason']}" for client, report in ordered if report["reason"]]
    detail = "; ".join(reasons[:5]) or "no reason given"
    return f"{counted(trained, 'usable update')}, below the quorum of {quorum} ({detail})"


def _fates(asked: Asked) -> dict[int, tuple[str, str]]:
    """What became of each update that came, with the reason where it was not used."""
    fates = {one.client: ("rejected", one.reason) for one in asked.view.rejections if not _missing(asked, one.client)}
    fates |= {one.client: ("late", f"comes in round {one.due}") for one in asked.late}
    return fates | {one.client: ("trained", "") for one in asked.view.contributions}


def _missing(asked: Asked, client: int) -> bool:
    return bool(asked.traffic.replies.get(client, Reply(client, error="no reply")).error)


def _without_update(reply: Reply) -> tuple[str, str]:
    if reply.fields.get("status") == "retired":
        return "retired", reply.error
    if reply.error in LOSSES.values():
        return "dropped", reply.error
    return ("failed", reply.error) if reply.error else ("rejected", "not in the sum")


def _measured(value: object) -> float:
    """A figure that a client reports, or 0.0 where it reports none that can be."""
    possible = isinstance(value, int | float) and 0 <= value < _LARGEST_FIGURE
    return float(value) if possible and isinstance(value, int | float) else 0.0
