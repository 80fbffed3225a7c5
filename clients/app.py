"""The Flower ClientApp: it introduces itself, trains what its policy admits and answers the protection's questions."""

import os
from dataclasses import replace

from flwr.app import Context, Message
from flwr.clientapp import ClientApp

from clients import data, memory, policy, rounds
from clients.messages import plan_of, reply_to, request_of
from privacy import envelopes
from privacy.errors import FedcrucibleError, PolicyRefused
from privacy.protections.protocol import ClientSide
from scenarios.plans import scenario_of

app = ClientApp()


@app.query("hello")
def hello(message: Message, context: Context) -> Message:
    """Introduce the client: its number, its public signing key, how many records it holds.

    The key is made once: a client that is asked again after an interruption is still who it was. It comes from the
    operating system's entropy, since every client knows the seed. The scenario it is introduced with is kept, too.
    """
    plan, kept = plan_of(message), memory.recall(context.state)
    client = int(context.node_config["partition-id"])
    agreed = policy.fingerprint(plan.scenario)
    if kept.scenario not in ("", agreed):
        raise PolicyRefused("this client was introduced with another scenario")
    key = kept.secrets.get("signing_key") or envelopes.new_signing_key(os.urandom(32))
    secrets = {**kept.secrets, "signing_key": key}
    memory.remember(context.state, replace(kept, secrets=secrets, scenario=agreed))
    records = sum(segment.size for segment in data.resident(plan.scenario).holdings[client])
    return reply_to(message, {"client": client, "records": records, "public_key": envelopes.public_key_of(key)})


@app.train()
def train(message: Message, context: Context) -> Message:
    """Train one round and answer with the protected update; refuse what the policy does not admit."""
    admitted = rounds.admit(message, context)
    if isinstance(admitted, Message):
        return admitted
    [outcome] = rounds.perform([admitted.task], rounds.arrays_of(message))
    return rounds.answer(admitted, outcome)


@app.query("protection")
def protection(message: Message, context: Context) -> Message:
    """Answer any other phase of the protection."""
    plan, kept, request = plan_of(message), memory.recall(context.state), request_of(message)
    answer = scenario_of(plan.scenario).protection.answers().get(str(request["phase"]))
    if answer is None:
        raise FedcrucibleError(f"the protection has no phase {request['phase']!r}")
    fields, secrets = answer(ClientSide(plan.client, plan.purpose, plan.round, plan.weight, kept.secrets), request)
    memory.remember(context.state, replace(kept, secrets=secrets))
    return reply_to(message, fields)
