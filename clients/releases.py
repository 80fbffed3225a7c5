"""Releasing a client's additive statistics: each segment's once, with the noise that is its own for ever."""

from collections.abc import Collection

import numpy as np

from clients import data
from privacy import statistics
from privacy.noise import NoiseSource, SystemNoise
from privacy.steps import PrivateSteps
from privacy.view import Vector
from scenarios.plans import Plan, scenario_of
from scenarios.seeds import noise_stream
from scenarios.segments import Segment
from scenarios.work import Work


def statistics_of(plan: Plan, work: Work, steps: PrivateSteps | None, released: Collection[str]) -> Vector:
    """The statistics that the plan's work asks for, over its weight, float32[size].

    What is taken back is, to the bit, what was released: a segment's noise is named after the segment, not the round.
    Of segments that are not among those `released`, as a budget refused them, nothing is taken back: that would be
    their first release, and nobody charged for it.
    """
    resident = data.resident(plan.scenario)
    features = resident.appearances.features.reshape(len(resident.appearances.features), -1)
    total = np.zeros(statistics.size(features.shape[1], resident.classes))
    for part in work.parts:
        for segment in part.segments:
            if steps is None or segment.name in (steps.segments if part.sign > 0 else released):
                total += part.sign * _released(plan, segment, steps)
    return (total / work.weight).astype(np.float32)


def _released(plan: Plan, segment: Segment, steps: PrivateSteps | None) -> statistics.Statistics:
    resident = data.resident(plan.scenario)
    rows = resident.appearances.rows(segment.records, ())
    features = resident.appearances.features[rows].reshape(len(rows), -1)
    exact = statistics.statistics(features, resident.appearances.labels[rows], resident.classes)
    if steps is None:
        return exact
    return statistics.noisy(exact, steps.noise_multiplier, _noise(plan, segment))


def _noise(plan: Plan, segment: Segment) -> NoiseSource:
    scenario, identity = scenario_of(plan.scenario), data.resident(plan.scenario).identity
    label = ("run", identity, "client", plan.client, "segment", segment.name, "statistics")
    return SystemNoise() if scenario.system_noise else noise_stream(scenario.seed, *label)
