"""Carries a protection's requests and replies over a Flower Grid, and counts what travelled."""

import collections
import functools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.serverapp import Grid

from privacy import envelopes
from privacy.errors import RunFailed
from privacy.protections.protocol import UPDATE, Exchange, Fields, Reply, Request, Result
from privacy.view import Vector
from scenarios.plans import Plan
from server.rounds.trace import Item, Trace, items_of
from server.run_directory import foreign

_PATIENCE_S = 3600.0
_POLL_S = 0.1
_LONGEST_REASON = 200

LOSSES = {
    "before-training": "dropped out before it trained",
    "after-training": "trained, and its reply was lost",
    "late": "trained, and its reply came too late to be used",
}
"""How the scenario loses clients, and what is then said of them."""


@dataclass(frozen=True)
class Member:
    """A client as it introduced itself: its Flower node, its records, its public signing key."""

    node: int
    records: int
    public_key: bytes


@dataclass
class Traffic:
    """Bytes by client, from its side; what each client that trained said; by node, replies beside its first."""

    sent_bytes: dict[int, int] = field(default_factory=dict)
    received_bytes: dict[int, int] = field(default_factory=dict)
    replies: dict[int, Reply] = field(default_factory=dict)
    ignored: dict[int, int] = field(default_factory=dict)

    @property
    def totals(self) -> dict[str, int]:
        """The bytes of all clients together."""
        return {
            "sent_bytes": sum(self.sent_bytes.values()),
            "received_bytes": sum(self.received_bytes.values()),
        }


def drive(protocol: Exchange[Result], grid: Grid, roster: Mapping[int, Member], courier: "Courier") -> Result:
    """Run one half of a protocol to its end: ask what it yields, send back the replies as they come in."""
    replies: Iterator[Reply] = iter(())
    try:
        requests = next(protocol)
        while True:
            replies = courier.ask(grid, roster, requests)
            requests = protocol.send(replies)
            collections.deque(replies, maxlen=0)  # a protocol need not look at all of them, but all are to come
    except StopIteration as stop:
        collections.deque(replies, maxlen=0)
        result: Result = stop.value
        return result


@dataclass
class Courier:
    """One round's messages: each client's plan goes with every request, the model with those that ask for an update.

    What travels is noted in `trace`. `bystander` is the plan of a client that does not train in the round, but for its
    number. `arrays` holds the model as "parameters" and what the learner sends along. `lost` says which clients drop
    out, and at which stage.
    """

    plans: Mapping[int, Plan]
    bystander: Plan
    trace: Trace
    arrays: Mapping[str, Vector] = field(default_factory=dict)
    lost: Mapping[int, str] = field(default_factory=dict)
    traffic: Traffic = field(default_factory=Traffic)
    _last: "_Asked | None" = None

    def ask(self, grid: Grid, roster: Mapping[int, Member], requests: Sequence[Request]) -> Iterator[Reply]:
        """Send requests and yield the replies as they come; whoever raised, or did not answer, gets one with an error.

        Only the first reply of a client counts.
        """
        for request in requests:
            if self._loss(request) == "before-training":
                yield self._noted(request, Reply(request.client, error=LOSSES["before-training"]))
        asked = [request for request in requests if self._loss(request) != "before-training"]
        waiting = {roster[request.client].node: request for request in asked}
        messages = [self._message(node, request) for node, request in waiting.items()]
        for message in grid.send_and_receive(messages, timeout=_PATIENCE_S):
            node = message.metadata.src_node_id
            if node in waiting:
                request = waiting.pop(node)
                loss = self._loss(request)
                reply = self._reply(request, message, loss)
                yield self._noted(request, reply if loss is None else Reply(request.client, error=LOSSES[loss]))
            else:
                self.traffic.ignored[node] = self.traffic.ignored.get(node, 0) + 1
        for request in waiting.values():
            yield self._noted(request, Reply(request.client, error="no reply"))

    def _loss(self, request: Request) -> str | None:
        return self.lost.get(request.client) if request.phase == UPDATE else None

    def _noted(self, request: Request, reply: Reply) -> Reply:
        """Keep what a trained client said of itself, without its update: a cohort's ciphertexts would fill memory."""
        if request.phase == UPDATE:
            figures = {name: value for name, value in reply.fields.items() if not isinstance(value, bytes)}
            self.traffic.replies[reply.client] = Reply(reply.client, figures, reply.error)
        return reply

    def _message(self, node: int, request: Request) -> Message:
        plan = self.plans.get(request.client) or replace(self.bystander, client=request.client)
        asked, own = self._asked(request), plan.to_fields()
        items = [*asked.items, *items_of({"plan": own})]
        content = asked.content.copy()
        content["plan"] = ConfigRecord({**own})
        self._count(self.traffic.received_bytes, request.client, items)
        self.trace.note("clients", request.phase, request.client, items)
        kind = "train" if request.phase == UPDATE else "query.protection"
        return Message(content, dst_node_id=node, message_type=kind)

    def _asked(self, request: Request) -> "_Asked":
        """What is asked, put into Flower's form and counted once for all of whom the same is asked."""
        last = self._last
        if last is None or last.fields is not request.fields or last.phase != request.phase:
            content = RecordDict({"request": ConfigRecord({**request.fields, "phase": request.phase})})
            if request.phase == UPDATE:
                content["arrays"] = self._record
            self._last = last = _Asked(request.fields, request.phase, content, list(items_of(content)))
        return last

    @functools.cached_property
    def _record(self) -> ArrayRecord:
        """The arrays, put into Flower's form once for the whole cohort."""
        if "parameters" not in self.arrays:
            raise RunFailed("an update was asked for before there was a model")
        return ArrayRecord({name: Array(array) for name, array in self.arrays.items()})

    def _reply(self, request: Request, message: Message, lost: str | None) -> Reply:
        items = _answered(message)
        self.trace.note("nobody" if lost == "after-training" else "server", request.phase, request.client, items)
        if message.has_error():
            return Reply(request.client, error=f"the client failed: {_last_line(message.error.reason)}")
        self._count(self.traffic.sent_bytes, request.client, items)
        fields = fields_of(message)
        status = fields.get("status", "trained")
        error = "" if status == "trained" else _reason(fields.get("reason", status))
        return Reply(request.client, fields, error)

    @staticmethod
    def _count(counts: dict[int, int], client: int, items: Sequence[Item]) -> None:
        counts[client] = counts.get(client, 0) + sum(item.size for item in items)


@dataclass(frozen=True)
class _Asked:
    """The part of a message that is the same for all of whom a phase and its fields are asked, and what is in it."""

    fields: Fields
    phase: str
    content: RecordDict
    items: Sequence[Item]


def introduce(grid: Grid, held: Sequence[int], plan: Plan, trace: Trace) -> dict[int, Member]:
    """Wait until every client's node is there, and ask each who it is; `held` says how many records each must hold.

    Raises RunFailed where they do not come, or one says something else: its records are its weight.
    """
    clients = len(held)
    nodes = _wait_for_nodes(grid, clients)
    content = RecordDict({"plan": ConfigRecord(dict(plan.to_fields()))})
    messages = [Message(content, dst_node_id=node, message_type="query.hello") for node in nodes]
    items = list(items_of(content))
    for number in range(len(nodes)):
        trace.note("clients", "hello", number, items)
    roster: dict[int, Member] = {}
    for message in grid.send_and_receive(messages, timeout=_PATIENCE_S):
        if message.has_error():
            raise RunFailed(f"a client could not introduce itself: {_last_line(message.error.reason)}")
        client, member = _introduction(message)
        trace.note("server", "hello", client, items_of(message.content))
        if client in roster or not 0 <= client < clients:
            raise RunFailed(f"node {message.metadata.src_node_id} introduced itself as client {client}: not possible")
        if member.records != held[client]:
            raise RunFailed(f"client {client} says it holds {member.records} records, where it has {held[client]}")
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
    if not (
        type(client) is int
        and type(records) is int
        and records > 0
        and isinstance(key, bytes)
        and len(key) == envelopes.KEY_BYTES
    ):
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


def _answered(message: Message) -> list[Item]:
    if message.has_error():
        return [Item("error", "text", len(message.error.reason or ""))]
    return list(items_of(message.content))


def _last_line(reason: str | None) -> str:
    lines = [line.strip() for line in (reason or "").strip().splitlines() if line.strip()]
    return _reason(lines[-1] if lines else "")


def _reason(words: object) -> str:
    return foreign.line(words, _LONGEST_REASON, otherwise="no reason given")
