"""A round's training, for one client or for all that live here: admit, train together, protect, answer.

Admitting and answering touch a client's memory and stay with it. What lies between takes a `Task` and gives an
`Outcome`, both small, so that it can happen in another process.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flwr.app import ArrayRecord, Context, Message

from clients import data, memory, messages, policy, training
from clients.memory import Memory
from privacy import ledger
from privacy.errors import BudgetSpent, PolicyRefused, Rejected
from privacy.protections.protocol import UPDATE, ClientSide, Fields
from privacy.steps import PrivateSteps
from privacy.view import Vector
from scenarios.plans import Plan, private_steps, scenario_of


@dataclass(frozen=True)
class Task:
    """What one client does in a round, charged and admitted. `request` is what the protection asks of it."""

    plan: Plan
    steps: PrivateSteps | None
    request: Fields
    secrets: Mapping[str, bytes]


@dataclass(frozen=True)
class Outcome:
    """The reply's fields; `secrets` to keep, or None where they are as they were."""

    fields: Fields
    secrets: Mapping[str, bytes] | None = None


@dataclass(frozen=True)
class Admitted:
    """A training message whose work is charged for in the client's memory, and the task it comes to."""

    message: Message
    context: Context
    kept: Memory
    task: Task


def admit(message: Message, context: Context) -> Admitted | Message:
    """Charge for a round's training and plan it, or refuse: the reply then says why."""
    plan, kept = messages.plan_of(message), memory.recall(context.state)
    scenario = scenario_of(plan.scenario)
    records = len(data.resident(plan.scenario).records[plan.client])
    steps = private_steps(scenario, records, plan.noise_multiplier)
    try:
        policy.require_agreed(plan, scenario, kept)
        settled = policy.settle(plan, scenario, steps, kept.ledger)
        kept = replace(kept, ledger=settled)
        rows, steps = policy.admit(scenario, steps, settled)
    except PolicyRefused as refusal:
        memory.remember(context.state, kept)
        status = "retired" if isinstance(refusal, BudgetSpent) else "refused"
        fields: Fields = {"status": status, "reason": str(refusal), "ledger": ledger.to_json(kept.ledger)}
        return messages.reply_to(message, fields)
    if steps is not None:
        kept = replace(kept, ledger=rows, round=plan.round)
        memory.remember(context.state, kept)  # charged before anything is drawn
    return Admitted(message, context, kept, Task(plan, steps, messages.request_of(message), kept.secrets))


def start_of(message: Message) -> Vector:
    """The global model a training message carries, float32[d]."""
    arrays = message.content["arrays"]
    assert isinstance(arrays, ArrayRecord)
    start: Vector = arrays["parameters"].numpy()
    return start


def chunks(admitted: Sequence[Admitted], start: Vector) -> list[list[Admitted]]:
    """The clients that train together; a function of their plans alone, never of how many workers there are."""
    found = training.chunks([_job(one.task, start) for one in admitted])
    return [[admitted[index] for index in chunk] for chunk in found]


def perform(tasks: Sequence[Task], start: Vector) -> list[Outcome]:
    """Train the tasks of one chunk at once and protect each update."""
    begun = time.perf_counter()
    updates = training.train([_job(task, start) for task in tasks])
    each = (time.perf_counter() - begun) / max(1, len(tasks))
    return [_protected(task, update, each) for task, update in zip(tasks, updates, strict=True)]


def answer(admitted: Admitted, outcome: Outcome) -> Message:
    """The reply; the client remembers what it has to."""
    if outcome.secrets is not None:
        memory.remember(admitted.context.state, replace(admitted.kept, secrets=outcome.secrets))
    return messages.reply_to(admitted.message, {**outcome.fields, "ledger": ledger.to_json(admitted.kept.ledger)})


def _job(task: Task, start: Vector) -> training.Job:
    plan, scenario = task.plan, scenario_of(task.plan.scenario)
    resident = data.resident(plan.scenario)
    return training.Job(
        seed=scenario.seed,
        client=plan.client,
        round=plan.round,
        model=scenario.model,
        classes=resident.classes,
        start=start,
        features=resident.features,
        labels=resident.labels,
        records=resident.records[plan.client],
        training=scenario.training,
        private=task.steps,
        system_noise=scenario.system_noise,
    )


def _protected(task: Task, update: Vector, training_seconds: float) -> Outcome:
    begun, plan = time.perf_counter(), task.plan
    side = ClientSide(plan.client, plan.run, plan.round, plan.weight, task.secrets, update)
    try:
        fields, secrets = scenario_of(plan.scenario).protection.answers()[UPDATE](side, task.request)
    except Rejected as unfit:
        return Outcome({"status": "failed", "reason": str(unfit), "seconds": training_seconds})
    seconds = training_seconds + time.perf_counter() - begun
    changed = None if secrets is task.secrets else secrets
    return Outcome({"status": "trained", **fields, "seconds": seconds}, changed)
