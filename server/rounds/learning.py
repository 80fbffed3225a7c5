"""What the server keeps for a learner, sends along with the model, and makes of what clients release."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from privacy import statistics
from privacy.ledger import Ledger
from privacy.view import Vector, View
from scenarios.learners import AdditiveStatistics, Ewc, Lwf
from scenarios.schema import DpSgd, Scenario
from scenarios.timeline import ends_experience
from scenarios.work import released
from server.rounds.planning import Works
from server.rounds.state import Learned, State


def sent_along(learned: Learned) -> Mapping[str, Vector]:
    """What clients need beside the model; statistics stay with the server."""
    sent = {"importance", "anchor", "teacher"}
    return {name: array.astype(np.float32, copy=False) for name, array in learned.items() if name in sent}


def after_training(scenario: Scenario, round_: int, model: Vector, learned: Learned) -> Learned:
    """What the learner keeps after a round: the model is the teacher of the experience that comes."""
    if isinstance(scenario.learner, Lwf) and ends_experience(scenario, round_):
        return {**learned, "teacher": model}
    return learned


def after_consolidation(scenario: Scenario, model: Vector, learned: Learned, view: View) -> Learned:
    """What holds the model in place from now on: the clients' Fishers, added to those of before."""
    learner = scenario.learner
    if not isinstance(learner, Ewc) or view.weight == 0.0:
        return learned
    # Encryption and noise leave small negative numbers, which are no information.
    fisher = np.maximum(view.total / view.weight, 0.0).astype(np.float32)
    before = learned.get("importance")
    importance = fisher if before is None else (np.float32(learner.decay) * before + fisher)
    return {**learned, "importance": importance, "anchor": model}


def sent_beside(scenario: Scenario, round_: int) -> int:
    """How many vectors as long as the model clients are sent beside it in a round."""
    later = scenario.stream is not None and scenario.stream.experience_at(round_) > 1
    if isinstance(scenario.learner, Ewc):
        return 2 if later else 0
    return 1 if isinstance(scenario.learner, Lwf) and later else 0


def uploaded_size(scenario: Scenario, parameters: int, classes: int) -> int:
    """How many numbers a client uploads: as many as the model has parameters, or its statistics."""
    if scenario.learner.repeats:
        return parameters
    return statistics.size(_features(parameters, classes), classes)


def after_statistics(
    scenario: Scenario,
    classes: int,
    state: State,
    view: View,
    works: Works,
    noise: Mapping[int, float],
    ledgers: Mapping[int, Ledger],
) -> State:
    """Add what was released to the sums of before, and solve for the linear layer; the bias stays zero.

    A view's total is sum_k weight_k S_k / w_k with weight_k = w_k / w, so w times it is the sum of the S_k. What the
    `ledgers` after the round do not have under privacy, clients did not release, and do not take back.
    """
    learner = scenario.learner
    assert isinstance(learner, AdditiveStatistics)
    accepted = {one.client for one in view.contributions}
    signed = {
        client: [
            (part.sign, part.records)
            for part in works[client].parts
            if not isinstance(scenario.privacy, DpSgd)
            or released(ledgers.get(client, ())).issuperset(segment.name for segment in part.segments)
        ]
        for client in accepted
    }
    scale = sum(work.weight for work in works.values())
    size = len(view.total)
    before = state.learned.get("statistics", np.zeros(size + 2))
    sums, held, variance = before[:size] + scale * view.total, before[size], before[size + 1]
    held += sum(sign * count for parts in signed.values() for sign, count in parts)
    variance += sum(
        sign * (noise.get(client, 0.0) * statistics.SENSITIVITY) ** 2
        for client, parts in signed.items()
        for sign, _ in parts
    )
    learned = {**state.learned, "statistics": np.concatenate([sums, [held, variance]])}
    if held <= 0:
        return replace(state, model=np.zeros_like(state.model), learned=learned)
    features = _features(len(state.model), classes)
    solved = statistics.solve(
        sums, features, classes, ridge=learner.ridge, records=round(held), noise_deviation=max(0.0, variance) ** 0.5
    )
    model = np.concatenate([solved.ravel(), np.zeros(classes, np.float32)]).astype(np.float32)
    return replace(state, model=model, learned=learned)


def _features(parameters: int, classes: int) -> int:
    """F of a linear model, which has (F + 1) * classes parameters."""
    return parameters // classes - 1
