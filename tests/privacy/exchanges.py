"""Drives a protection's generators against real clients in memory, and keeps what went over the wire."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from privacy import envelopes
from privacy.errors import FedcrucibleError
from privacy.protections.protocol import ClientSide, Cohort, Participant, Protection, Reply, Request
from privacy.view import Vector, View

RUN = "a-run"

Tamper = Callable[[Request, Reply], Reply]


@dataclass
class Clients:
    """The clients of a run, each with its own secrets; client k's update in a round is `updates[k]`."""

    protection: Protection
    weights: dict[int, float]
    updates: dict[int, Vector] = field(default_factory=dict)
    secrets: dict[int, dict[str, bytes]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    material: bytes = b""

    def __post_init__(self) -> None:
        for client in self.weights:
            key = envelopes.new_signing_key(client.to_bytes(32, "little"))
            self.secrets[client] = {"signing_key": key}
        self.material = self.drive(self.protection.prepare(RUN, sorted(self.weights)), 0)

    def collect(self, round_: int = 1, tamper: Tamper = lambda request, reply: reply) -> View:
        """One round; `tamper` may change each reply on its way to the server."""
        return self.drive(self.protection.collect(self.cohort(round_), self.material), round_, tamper)

    def cohort(self, round_: int) -> Cohort:
        participants = tuple(
            Participant(client, weight, envelopes.public_key_of(self.secrets[client]["signing_key"]))
            for client, weight in sorted(self.weights.items())
        )
        return Cohort(RUN, round_, len(next(iter(self.updates.values()))), participants)

    def drive(self, protocol, round_: int, tamper: Tamper = lambda request, reply: reply):
        replies = None
        while True:
            try:
                requests = protocol.send(replies)
            except StopIteration as stop:
                return stop.value
            replies = [tamper(request, self.answer(request, round_)) for request in requests]
            self.requests += requests
            self.replies += replies

    def answer(self, request: Request, round_: int) -> Reply:
        """The client's real answer; what it raises for people becomes the reply's error."""
        client = request.client
        side = ClientSide(client, RUN, round_, self.weights[client], self.secrets[client], self.updates.get(client))
        try:
            fields, secrets = self.protection.answers()[request.phase](side, request.fields)
        except FedcrucibleError as error:
            return Reply(client, error=str(error))
        self.secrets[client] = dict(secrets)
        return Reply(client, fields)


def some_updates(clients: int, parameters: int, spread: float = 0.05) -> dict[int, Vector]:
    rng = np.random.default_rng(5)
    return {k: rng.normal(0, spread, parameters).astype(np.float32) for k in range(clients)}
