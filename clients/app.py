"""The Flower ClientApp: it introduces itself, trains what its policy admits and answers the protection's questions."""

import os
import time

from flwr.app import ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp

from clients import data, memory, policy, training
from clients.memory import Memory
from privacy import envelopes, ledger
from privacy.errors import FedcrucibleError, PolicyRefused, Rejected
from privacy.protections.protocol import UPDATE, ClientSide, Fields
from scenarios.plans import Plan, private_steps, scenario_of
from scenarios.schema import DpSgd, Scenario
from scenarios.seeds import stream

app = ClientApp()


@app.query("hello")
def hello(message: Message, context: Context) -> Message:
    """Introduce the client: its number, its public signing key, how many records it holds.

    The key is made once: a client that is asked again after an interruption is still who it was.
    """
    plan, kept = _plan(message), memory.recall(context.state)
    scenario = scenario_of(plan.scenario)
    client = _client_id(context)
    key = kept.secrets.get("signing_key") or envelopes.new_signing_key(_entropy(scenario, client))
    memory.remember(context.state, Memory(kept.ledger, {**kept.secrets, "signing_key": key}))
    records = len(data.share(scenario, client).records)
    return _reply(message, {"client": client, "records": records, "public_key": envelopes.public_key_of(key)})


@app.train()
def train(message: Message, context: Context) -> Message:
    """Train one round and answer with the protected update; refuse what the policy does not admit."""
    begun = time.perf_counter()
    plan, kept = _plan(message), memory.recall(context.state)
    scenario = scenario_of(plan.scenario)
    share = data.share(scenario, plan.client)
    steps = private_steps(scenario, len(share.records), plan.noise_multiplier)
    settled = policy.settle(plan, scenario, steps, kept.ledger)
    try:
        rows, steps = policy.admit(scenario, steps, settled)
    except PolicyRefused as refusal:
        memory.remember(context.state, Memory(settled, kept.secrets))
        return _reply(message, {"status": "retired", "reason": str(refusal), "ledger": ledger.to_json(settled)})
    kept = Memory(rows, kept.secrets)
    memory.remember(context.state, kept)  # charged before anything is drawn
    arrays = message.content["arrays"]
    assert isinstance(arrays, ArrayRecord)
    job = training.Job(
        seed=scenario.seed,
        client=plan.client,
        round=plan.round,
        model=scenario.model,
        classes=share.classes,
        start=arrays["parameters"].numpy(),
        features=share.features,
        labels=share.labels,
        records=share.records,
        training=scenario.training,
        private=steps,
        system_noise=isinstance(scenario.privacy, DpSgd) and scenario.privacy.noise_source == "system",
    )
    [update] = training.train([job])
    side = ClientSide(plan.client, plan.run, plan.round, plan.weight, kept.secrets, update)
    spent: Fields = {"ledger": ledger.to_json(rows), "seconds": time.perf_counter() - begun}
    try:
        fields = _answer(scenario, UPDATE, side, message, context, kept)
    except Rejected as unfit:
        return _reply(message, {"status": "failed", "reason": str(unfit), **spent})
    return _reply(message, {"status": "trained", **fields, **spent})


@app.query("protection")
def protection(message: Message, context: Context) -> Message:
    """Answer any other phase of the protection."""
    plan, kept = _plan(message), memory.recall(context.state)
    side = ClientSide(plan.client, plan.run, plan.round, plan.weight, kept.secrets)
    phase = str(_config(message, "request")["phase"])
    return _reply(message, _answer(scenario_of(plan.scenario), phase, side, message, context, kept))


def _answer(
    scenario: Scenario, phase: str, side: ClientSide, message: Message, context: Context, kept: Memory
) -> Fields:
    request = _config(message, "request").items()
    fields = {name: value for name, value in request if isinstance(value, bytes | str | int | float)}
    answer = scenario.protection.answers().get(phase)
    if answer is None:
        raise FedcrucibleError(f"the protection has no phase {phase!r}")
    reply, secrets = answer(side, fields)
    memory.remember(context.state, Memory(kept.ledger, secrets))
    return reply


def _entropy(scenario: Scenario, client: int) -> bytes:
    """32 bytes for the signing key: from the operating system where the noise comes from there too."""
    if isinstance(scenario.privacy, DpSgd) and scenario.privacy.noise_source == "system":
        return os.urandom(32)
    return stream(scenario.seed, "client", client, "signing-key").bytes(32)


def _plan(message: Message) -> Plan:
    return Plan.from_json(str(_config(message, "plan")["json"]))


def _config(message: Message, name: str) -> ConfigRecord:
    record = message.content[name]
    if not isinstance(record, ConfigRecord):
        raise FedcrucibleError(f"the message's {name!r} is not a ConfigRecord")
    return record


def _client_id(context: Context) -> int:
    return int(context.node_config["partition-id"])


def _reply(message: Message, fields: Fields) -> Message:
    return Message(RecordDict({"reply": ConfigRecord(dict(fields))}), reply_to=message)
