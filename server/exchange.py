"""Carries a protection's requests and replies over a Flower Grid, and counts what travelled."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.serverapp import Grid

from privacy.errors import RunFailed
from privacy.protections.protocol import UPDATE, Exchange, Fields, Reply, Request, Result
from privacy.view import Vector
from scenarios.plans import Plan

_PATIENCE_S = 600.0
_POLL_S = 0.1
_LONGEST_REASON = 200


@dataclass(frozen=True)
class Member:
    """A client as it introduced itself: its Flower node, its records, its public signing key."""

    node: int
    records: int
    public_key: bytes


@dataclass
class Traffic:
    """Bytes by client, from the client's side, and the last reply of each client that trained."""

    sent_bytes: dict[int, int] = field(default_factory=dict)
    received_bytes: dict[int, int] = field(default_factory=dict)
    replies: dict[int, Reply] = field(default_factory=dict)


def drive(protocol: Exchange[Result], grid: Grid, roster: Mapping[int, Member], courier: "Courier") -> Result:
    """Run one half of a protocol to its end: ask what it yields, send back the replies in the order of the requests."""
    try:
        requests = next(protocol)
        while True:
            requests = protocol.send(courier.ask(grid, roster, requests))
    except StopIteration as stop:
        result: Result = stop.value
        return result


@dataclass
class Courier:
    """One round's messages: each client's plan goes with every request, the model with those that ask for an update."""

    plans: Mapping[int, Plan]
    model: Vector | None
    traffic: Traffic = field(default_factory=Traffic)

    def ask(self, grid: Grid, roster: Mapping[int, Member], requests: Sequence[Request]) -> list[Reply]:
        """Send requests, wait for all replies; whoever does not answer, or raises, gets a reply with an error."""
        messages = [self._message(roster[request.client].node, request) for request in requests]
        answers: dict[int, list[Message]] = {}
        for message in grid.send_and_receive(messages, timeout=_PATIENCE_S):
            answers.setdefault(message.metadata.src_node_id, []).append(message)
        replies = [self._reply(request, answers.get(roster[request.client].node, [])) for request in requests]
        updates = (reply for request, reply in zip(requests, replies, strict=True) if request.phase == UPDATE)
        self.traffic.replies.update({reply.client: reply for reply in updates})
        return replies

    def _message(self, node: int, request: Request) -> Message:
        content = RecordDict(
            {
                "plan": ConfigRecord({"json": self.plans[request.client].to_json()}),
                "request": ConfigRecord({**request.fields, "phase": request.phase}),
            }
        )
        if request.phase == UPDATE and self.model is not None:
            content["arrays"] = ArrayRecord({"parameters": Array(self.model)})
        self._count(self.traffic.received_bytes, request.client, content)
        kind = "train" if request.phase == UPDATE else "query.protection"
        return Message(content, dst_node_id=node, message_type=kind)

    def _reply(self, request: Request, answers: list[Message]) -> Reply:
        if not answers:
            return Reply(request.client, error="no reply")
        if len(answers) > 1:
            return Reply(request.client, error="more than one reply")
        [message] = answers
        if message.has_error():
            return Reply(request.client, error=f"the client failed: {_last_line(message.error.reason)}")
        self._count(self.traffic.sent_bytes, request.client, message.content)
        fields = fields_of(message)
        status = fields.get("status", "trained")
        error = "" if status == "trained" else _said(fields.get("reason", status))
        return Reply(request.client, fields, error)

    @staticmethod
    def _count(counts: dict[int, int], client: int, content: RecordDict) -> None:
        counts[client] = counts.get(client, 0) + sum(_size(record) for record in content.values())


def introduce(grid: Grid, clients: int, plan: Plan) -> dict[int, Member]:
    """Wait until every client's node is there, and ask each who it is. Raises RunFailed if they do not come."""
    nodes = _wait_for_nodes(grid, clients)
    content = RecordDict({"plan": ConfigRecord({"json": plan.to_json()})})
    messages = [Message(content, dst_node_id=node, message_type="query.hello") for node in nodes]
    roster: dict[int, Member] = {}
    for message in grid.send_and_receive(messages, timeout=_PATIENCE_S):
        if message.has_error():
            raise RunFailed(f"a client could not introduce itself: {_last_line(message.error.reason)}")
        client, member = _introduction(message)
        if client in roster or not 0 <= client < clients:
            raise RunFailed(f"node {message.metadata.src_node_id} introduced itself as client {client}: not possible")
        roster[client] = member
    if len(roster) < clients:
        raise RunFailed(f"only {len(roster)} of {clients} clients introduced themselves")
    return dict(sorted(roster.items()))


def fields_of(message: Message) -> Fields:
    """The scalar fields of a reply, whatever else a stranger put beside them."""
    record = message.content.get("reply")
    if not isinstance(record, ConfigRecord):
        return {}
    return {name: value for name, value in record.items() if isinstance(value, bytes | str | int | float)}


def _introduction(message: Message) -> tuple[int, Member]:
    node, fields = message.metadata.src_node_id, fields_of(message)
    client, records, key = fields.get("client"), fields.get("records"), fields.get("public_key")
    if not (type(client) is int and type(records) is int and records > 0 and isinstance(key, bytes)):
        raise RunFailed(f"node {node} did not introduce itself with a number, its records and a key")
    return client, Member(node, records, key)


def _wait_for_nodes(grid: Grid, clients: int) -> list[int]:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        nodes = sorted(grid.get_node_ids())
        if len(nodes) >= clients:
            return nodes
        if time.monotonic() > deadline:
            raise RunFailed(f"only {len(nodes)} of {clients} clients came within {_PATIENCE_S:g} s")
        time.sleep(_POLL_S)


def _size(record: object) -> int:
    if isinstance(record, ArrayRecord):
        return sum(len(array.data) for array in record.values())
    if isinstance(record, ConfigRecord):
        return sum(len(value) if isinstance(value, bytes | str) else 8 for value in record.values())
    return 0


def _last_line(reason: str | None) -> str:
    lines = [line.strip() for line in (reason or "").strip().splitlines() if line.strip()]
    return _said(lines[-1]) if lines else "no reason given"


def _said(words: object) -> str:
    """What a client says, fit for a journal and a terminal: one line, no control characters, not without end."""
    text = " ".join(str(words)[: 2 * _LONGEST_REASON].split())[:_LONGEST_REASON]
    return "".join(letter if letter.isprintable() else "?" for letter in text) or "no reason given"


def model_bytes(model: Vector) -> bytes:
    """The canonical bytes of a model: little-endian float32 in parameter order. Their SHA-256 names the model."""
    return np.ascontiguousarray(model, dtype="<f4").tobytes()
