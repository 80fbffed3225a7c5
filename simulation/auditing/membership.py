"""Membership inference on a run's final model: members are its clients' records, the others its held-out ones."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch

from privacy.audits import membership
from privacy.audits.separation import Floats, Separation, separation
from privacy.findings import Finding
from privacy.view import Vector
from scenarios import models
from scenarios.audits import MembershipInference
from scenarios.datasets.dataset import Labels
from scenarios.records import appearances_of, records_of
from scenarios.schema import Scenario
from scenarios.seeds import stream
from scenarios.threads import one_thread
from simulation.auditing.shadows import train_shadows
from simulation.auditing.subject import Subject

_BATCH = 1024
_NAMES = {"loss": "a threshold on the loss", "lira": "LiRA (offline)", "rmia": "RMIA (offline)"}


def findings(parameters: MembershipInference, subject: Subject) -> list[Finding]:
    """One finding for each attack. Raises ValueError where there are too few records on either side."""
    scenario = subject.scenario
    records, members = _asked_about(scenario)
    facts: dict[str, object] = {
        "members": int(members.sum()),
        "others": int((~members).sum()),
        "shadows": parameters.shadows,
        "sees": "the final model, the records asked about and, for LiRA and RMIA, other records of the same source",
    }
    return [
        _finding(name, separation(scores, members, parameters.confidence), parameters, facts, scenario.seed)
        for name, scores in _scores(parameters, subject, records)
    ]


def _asked_about(scenario: Scenario) -> tuple[Labels, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """As many members as others, and which are members: all held-out records, and as many of the clients' at random."""
    division = records_of(scenario).division
    inside = np.concatenate(division.train)
    count = min(len(inside), len(division.test))
    rng = stream(scenario.seed, "audit", "membership-inference", "records")
    chosen = [np.sort(rng.choice(own, count, replace=False)) for own in (inside, division.test)]
    return np.concatenate(chosen), np.arange(2 * count) < count


def _scores(parameters: MembershipInference, subject: Subject, records: Labels) -> Iterator[tuple[str, Floats]]:
    scenario = subject.scenario
    target = _confidences(scenario, subject.model, records)
    yield "loss", target
    if not parameters.shadows:
        return
    shadows = train_shadows(scenario, parameters.shadows)
    references = np.stack([_confidences(scenario, model, records) for model in shadows.models])
    without = ~shadows.trained[:, records]
    yield "lira", membership.lira(target, references, without)
    yield "rmia", membership.rmia(target, references, without)


@torch.no_grad()
def _confidences(scenario: Scenario, model: Vector, records: Labels) -> Floats:
    """float64[n]: how sure a model is of each record's label."""
    appearances = appearances_of(scenario)
    module = scenario.model.build(appearances.features.shape[1:], len(appearances.dataset.classes))
    models.assign_parameters(module, model)
    with one_thread():
        pieces = [
            module(torch.from_numpy(appearances.features[records[begin : begin + _BATCH]])).numpy()
            for begin in range(0, len(records), _BATCH)
        ]
    return membership.confidences(np.concatenate(pieces), appearances.labels[records])


def _finding(
    name: str, found: Separation, parameters: MembershipInference, facts: Mapping[str, object], seed: int
) -> Finding:
    at = " and ".join(
        f"{rate.tpr:.1%} of members at {rate.fpr:.1%} false alarms ({rate.low:.1%} to {rate.high:.1%})"
        for rate in found.rates
    )
    told = (
        "cannot be told from guessing"
        if found.low <= 0.5 <= found.high
        else "tells members from others"
        if found.low > 0.5
        else "ranks members below others"
    )
    return Finding(
        kind="membership-inference",
        statement=(
            f"{_NAMES[name]} {told}: AUC {found.auc:.3f} ({parameters.confidence:.0%} interval {found.low:.3f} to "
            f"{found.high:.3f}, 0.5 is guessing); it finds {at}. This is how well one attacker does who holds the "
            "final model; a better one may do better."
        ),
        figure=f"AUC of {_NAMES[name]}",
        value=found.auc,
        low=found.low,
        high=found.high,
        confidence=parameters.confidence,
        facts={**facts, "attack": name, "true_positive_rates": [dict(vars(rate)) for rate in found.rates]},
        seed=seed,
        made_by="privacy.audits.membership." + ("confidences" if name == "loss" else name),
    )
