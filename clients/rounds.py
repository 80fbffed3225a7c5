"""A client's task in a round, for one client or for all that live here: admit, do together, protect, answer.

Admitting and answering touch a client's memory and stay with it. What lies between takes a `Task` and gives an
`Outcome`, both small, so that it can happen in another process.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flwr.app import ArrayRecord, Context, Message

from clients import data, memory, messages, policy, replay, tasks
from clients.memory import Memory
from clients.tasks import Task
from privacy import ledger
from privacy.errors import BudgetSpent, FedcrucibleError, PolicyRefused, Rejected
from privacy.protections.protocol import UPDATE, ClientSide, Fields
from privacy.view import Vector
from scenarios.learners.learner import of_before
from scenarios.plans import Plan, scenario_of, world_of
from scenarios.segments import available
from scenarios.work import private_steps, released

Arrays = Mapping[str, Vector]
"""What the server sends along: the global model, float32[d], as "parameters", and what else the learner goes by."""


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
    """Charge for a round's task and plan it, or refuse: the reply then says why."""
    plan, kept = messages.plan_of(message), memory.recall(context.state)
    scenario = scenario_of(plan.scenario)
    try:
        policy.require_agreed(plan, scenario, kept)
        work = tasks.work_of(plan)
        if work is None:
            raise PolicyRefused(f"there is nothing to do in round {plan.round}: no data are there for it")
        world, steps = world_of(plan.scenario, plan.round), private_steps(scenario, work, plan.noise_multiplier)
        kept = replace(kept, ledger=policy.settle(plan, scenario, world, steps, kept.ledger))
        rows, steps = policy.admit(scenario, world, steps, kept.ledger)
    except PolicyRefused as refusal:
        memory.remember(context.state, kept)
        status = "retired" if isinstance(refusal, BudgetSpent) else "refused"
        fields: Fields = {"status": status, "reason": str(refusal), "ledger": ledger.to_json(kept.ledger)}
        return messages.reply_to(message, fields)
    before = kept
    if steps is not None:
        done = (*kept.done, plan.task) if plan.round == kept.round else (plan.task,)
        kept = replace(kept, ledger=rows, round=plan.round, done=done)
    kept = _with_memory(plan, kept)
    if kept is not before:
        memory.remember(context.state, kept)  # charged before anything is drawn
    task = Task(plan, steps, messages.request_of(message), kept.secrets, kept.replay, released(kept.ledger))
    return Admitted(message, context, kept, task)


def arrays_of(message: Message) -> Arrays:
    """What a training message carries. Raises FedcrucibleError where the model is not there."""
    arrays = message.content["arrays"]
    if not isinstance(arrays, ArrayRecord) or "parameters" not in arrays:
        raise FedcrucibleError("the message carries no model")
    return {name: array.numpy() for name, array in arrays.items()}


def chunks(admitted: Sequence[Admitted]) -> list[list[Admitted]]:
    """The clients that train together; a function of their plans alone, never of how many workers there are."""
    found = tasks.chunks([one.task for one in admitted])
    return [[admitted[index] for index in chunk] for chunk in found]


def upload_bytes(given: Sequence[Task], arrays: Arrays) -> int:
    """How many bytes the updates of these tasks will come to, as their protection expects."""
    return sum(scenario_of(task.plan.scenario).protection.upload_bytes(len(arrays["parameters"])) for task in given)


def perform(given: Sequence[Task], arrays: Arrays) -> Iterator[Outcome]:
    """Do the tasks of one chunk at once, then protect one update after another, each when it is asked for.

    Whoever takes an outcome finds it in the core's cache; a whole cohort's would have left it long ago.
    """
    begun = time.perf_counter()
    updates = tasks.perform(given, arrays)
    each = (time.perf_counter() - begun) / max(1, len(given))
    for task, update in zip(given, updates, strict=True):
        yield _protected(task, update, each)


def answer(admitted: Admitted, outcome: Outcome) -> Message:
    """The reply; the client remembers what it has to."""
    if outcome.secrets is not None:
        memory.remember(admitted.context.state, replace(admitted.kept, secrets=outcome.secrets))
    return messages.reply_to(admitted.message, {**outcome.fields, "ledger": ledger.to_json(admitted.kept.ledger)})


def _with_memory(plan: Plan, kept: Memory) -> Memory:
    """The client's memory with what has become the past taken into its replay memory."""
    scenario, world = scenario_of(plan.scenario), world_of(plan.scenario, plan.round)
    if not scenario.learner.remembers:
        return kept
    resident = data.resident(plan.scenario)
    usable = available(world, plan.client, resident.holdings[plan.client])
    labels = resident.appearances.dataset.labels
    held = replay.brought_up_to_date(scenario, plan.client, kept.replay, of_before(world, usable), labels)
    return kept if held is kept.replay else replace(kept, replay=held)


def _protected(task: Task, update: Vector, training_seconds: float) -> Outcome:
    begun, plan = time.perf_counter(), task.plan
    side = ClientSide(plan.client, plan.purpose, plan.round, plan.weight, task.secrets, update)
    try:
        fields, secrets = scenario_of(plan.scenario).protection.answers()[UPDATE](side, task.request)
    except Rejected as unfit:
        return Outcome({"status": "failed", "reason": str(unfit), "seconds": training_seconds})
    seconds = training_seconds + time.perf_counter() - begun
    changed = None if secrets is task.secrets else secrets
    return Outcome({"status": "trained", **fields, "seconds": seconds}, changed)
