"""What a client does in a round: train, say what mattered to an experience, or release statistics."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clients import data, fisher, releases, training
from clients.jobs import Draw, Job
from clients.learning import Guidance, guidance_of
from clients.replay import Kept
from privacy.protections.protocol import Fields
from privacy.steps import PrivateSteps
from privacy.view import Vector
from scenarios import learners
from scenarios.datasets.dataset import Labels
from scenarios.learners import Part
from scenarios.plans import Plan, scenario_of, world_of
from scenarios.segments import Segment
from scenarios.work import Work, work_at


@dataclass(frozen=True)
class Task:
    """What one client does in a round, charged and admitted. `request` is what the protection asks of it.

    `steps` says how DP-SGD runs and on which segments, or is None; `replay` are the past records it still trains on;
    `released` names the segments whose statistics may have left it.
    """

    plan: Plan
    steps: PrivateSteps | None
    request: Fields
    secrets: Mapping[str, bytes]
    replay: Kept
    released: frozenset[str] = frozenset()


def work_of(plan: Plan) -> Work | None:
    """What a plan comes to, from the scenario it carries and the client's own data; None where nothing is to do."""
    return _work(plan.scenario, plan.round, plan.client, plan.task)


@functools.lru_cache(maxsize=4096)
def _work(text: str, round_: int, client: int, task: learners.Task) -> Work | None:
    """Admitting, cutting a round into chunks and training all ask for it."""
    own = data.resident(text).holdings[client]
    return work_at(scenario_of(text), own, client, world_of(text, round_), task)


def chunks(given: Sequence[Task]) -> list[list[int]]:
    """Indices of the tasks of one round that are done together: none twice, none left out."""
    plan = given[0].plan
    if plan.task != "train":
        return [[index] for index in range(len(given))]
    resident = data.resident(plan.scenario)
    works = [work_of(task.plan) for task in given]
    batches = [0 if work is None else work.taken for work in works]
    model, shape = scenario_of(plan.scenario).model, resident.appearances.features.shape[1:]
    return training.in_chunks(model, shape, resident.classes, batches)


def perform(given: Sequence[Task], arrays: Mapping[str, Vector]) -> list[Vector]:
    """The updates of the tasks of one chunk, float32[d] each, as they are to be protected."""
    match given[0].plan.task:
        case "train":
            guidance = guidance_of(given[0].plan, arrays)
            updates = training.train([job_of(task, guidance) for task in given])
            return [_boosted(task.plan, update) for task, update in zip(given, updates, strict=True)]
        case "consolidate":
            guidance = guidance_of(given[0].plan, arrays)
            return fisher.fishers([job_of(task, guidance) for task in given])
        case "statistics":
            return [_statistics(task) for task in given]


def job_of(task: Task, guidance: Guidance) -> Job:
    """The training job that a task comes to."""
    plan, scenario = task.plan, scenario_of(task.plan.scenario)
    resident, work = data.resident(plan.scenario), work_of(plan)
    assert work is not None
    admitted = None if task.steps is None else set(task.steps.segments)
    drawn = [(part, _records(part, task.replay, admitted)) for part in work.parts]
    records = np.concatenate([own for _, own in drawn])
    world, federation = world_of(plan.scenario, plan.round), scenario.federation
    rounds = federation.rounds * federation.sampling.share(federation.clients)
    return Job(
        seed=scenario.seed,
        client=plan.client,
        round=plan.round,
        model=scenario.model,
        classes=resident.classes,
        start=guidance.start,
        features=resident.appearances.features,
        labels=resident.appearances.labels,
        records=resident.appearances.seen(records, world, plan.client),
        training=scenario.training,
        private=task.steps,
        system_noise=scenario.system_noise,
        draws=tuple(Draw(len(own), part.taken, part.sampling_rate) for part, own in drawn),
        pull=guidance.pull,
        teacher=guidance.teacher,
        allowed=guidance.allowed,
        clients=federation.clients,
        expected_rounds=rounds / max(1, len(resident.appearances.experiences.names)),
        identity=resident.identity,
    )


def _records(part: Part, kept: Kept, admitted: set[str] | None) -> Labels:
    """The records of a part, sorted within a segment; a retired segment gives none."""
    pieces = [segment.records for segment in part.whole if _may(segment, admitted)]
    pieces += [kept[segment.name] for segment in part.remembered if _may(segment, admitted)]
    return np.concatenate(pieces) if pieces else np.empty(0, np.int64)


def _may(segment: Segment, admitted: set[str] | None) -> bool:
    return admitted is None or segment.name in admitted


def _statistics(task: Task) -> Vector:
    work = work_of(task.plan)
    assert work is not None
    return releases.statistics_of(task.plan, work, task.steps, task.released)


def _boosted(plan: Plan, update: Vector) -> Vector:
    """A hostile client's update as it sends it."""
    poison = world_of(plan.scenario, plan.round).poisons.get(plan.client)
    return update if poison is None or poison.boost == 1.0 else (update * np.float32(poison.boost))
