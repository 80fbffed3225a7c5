"""What a learner adds to local training: a pull towards an old model, a teacher, a label space."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clients.jobs import Pull, Teacher
from privacy.view import Vector
from scenarios.learners import Ewc, FedProx, Lwf
from scenarios.plans import Plan, scenario_of
from scenarios.records import classes_seen, label_space
from scenarios.schema import Scenario


@dataclass(frozen=True)
class Guidance:
    """What all clients of a round train by: the global model `start`, float32[d], and what the learner adds."""

    start: Vector
    pull: Pull | None = None
    teacher: Teacher | None = None
    allowed: npt.NDArray[np.bool_] | None = None


def guidance_of(plan: Plan, arrays: Mapping[str, Vector]) -> Guidance:
    """From what the server sends: "parameters", and where there are any "importance", "anchor" and "teacher"."""
    scenario, start = scenario_of(plan.scenario), arrays["parameters"]
    teacher = _teacher(scenario, plan.round, arrays)
    return Guidance(start, _pull(scenario, arrays), teacher, label_space(scenario, plan.round))


def _pull(scenario: Scenario, arrays: Mapping[str, Vector]) -> Pull | None:
    match scenario.learner:
        case FedProx(mu=mu):
            return Pull(arrays["parameters"], mu)
        case Ewc(strength=strength) if "importance" in arrays:
            return Pull(arrays["anchor"], arrays["importance"] * np.float32(strength))
    return None


def _teacher(scenario: Scenario, round_: int, arrays: Mapping[str, Vector]) -> Teacher | None:
    learner = scenario.learner
    if not isinstance(learner, Lwf) or "teacher" not in arrays or scenario.stream is None:
        return None
    before = scenario.stream.first_round(scenario.stream.experience_at(round_)) - 1
    return Teacher(arrays["teacher"], learner.strength, learner.temperature, classes_seen(scenario, before))
