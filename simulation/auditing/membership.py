"""Membership inference on a run's final model: members are its clients' records, the others its held-out ones."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import betaincinv
from scipy.stats import hypergeom

from privacy.audits import membership
from privacy.audits.separation import Chosen, Floats, Rate, Separation, separation
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
    return [
        _finding(name, scores, members, parameters, scenario.seed)
        for name, scores in _scores(parameters, subject, records)
    ]


def _asked_about(scenario: Scenario) -> tuple[Labels, Chosen]:
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


@dataclass(frozen=True)
class Judged:
    """A rate beside what the threshold leaves open: the share of all such others above it, and what guessing gives.

    The threshold is set by the others that were drawn, so its false alarms among all others lie between `fpr_low` and
    `fpr_high`; the rate's own interval takes it for given. `by_chance` is the probability that a guesser finds as many
    members or more with the threshold set in the same way, which takes both into account.
    """

    rate: Rate
    fpr_low: float
    fpr_high: float
    by_chance: float

    def words(self, most: float) -> str:
        """The rate in words; a guesser that finds as many with no more than the probability `most` is ruled out."""
        told = "more than guessing finds" if self.by_chance <= most else "which guessing finds, too"
        one = self.rate
        return (
            f"{one.tpr:.1%} of members ({one.low:.1%} to {one.high:.1%}) at no more than {one.fpr:.1%} false alarms "
            f"among the others asked about ({self.fpr_low:.1%} to {self.fpr_high:.1%} among all others), {told}"
        )


def judged(rate: Rate, members: int, others: int, confidence: float) -> Judged:
    """A rate found with so many members and others, beside what guessing gives.

    Above the threshold, the score that `allowed` of the others exceed, there are as many members as come before the
    next of the others. Where scores say nothing all orders are alike, as of shuffled cards, and that number is negative
    hypergeometric; that of all others above the threshold is a beta variable whatever the scores are.
    """
    allowed, found = int(rate.fpr * others), round(rate.tpr * members)
    tail = (1.0 - confidence) / 2
    low, high = (float(betaincinv(allowed + 1, others - allowed, one)) for one in (tail, 1.0 - tail))
    # As many members or more stand above where so few others are among the first found + allowed of all.
    chance = float(hypergeom.cdf(allowed, members + others, others, found + allowed))
    return Judged(rate, low, high, chance)


def _finding(name: str, scores: Floats, members: Chosen, parameters: MembershipInference, seed: int) -> Finding:
    found = separation(scores, members, parameters.confidence)
    many, others = int(members.sum()), int((~members).sum())
    rates = [judged(rate, many, others, parameters.confidence) for rate in found.rates]
    # Shared out, so that of all of a guesser's rates one is taken for more no oftener than said.
    most = (1.0 - parameters.confidence) / 2 / max(1, len(rates))
    return Finding(
        kind="membership-inference",
        statement=(
            f"{_NAMES[name]} {_told(found, any(one.by_chance <= most for one in rates))}: AUC {found.auc:.3f} "
            f"({parameters.confidence:.0%} interval {found.low:.3f} to {found.high:.3f}, 0.5 is guessing); it finds "
            f"{', and '.join(one.words(most) for one in rates)}. This is how well one attacker does who holds the "
            "final model; a better one may do better."
        ),
        figure=f"AUC of {_NAMES[name]}",
        value=found.auc,
        low=found.low,
        high=found.high,
        confidence=parameters.confidence,
        facts={
            "members": many,
            "others": others,
            "shadows": parameters.shadows,
            "sees": "the final model, the records asked about and, for LiRA and RMIA, other records of the same source",
            "attack": name,
            "true_positive_rates": [
                {**vars(one.rate), "fpr_low": one.fpr_low, "fpr_high": one.fpr_high, "by_chance": one.by_chance}
                for one in rates
            ],
        },
        seed=seed,
        made_by="privacy.audits.membership." + ("confidences" if name == "loss" else name),
    )


def _told(found: Separation, somewhere: bool) -> str:
    """What the area says, and `somewhere`, whether at few false alarms the attack finds more than guessing does."""
    if found.low > 0.5:
        return "tells members from others"
    whole = "ranks members below others" if found.high < 0.5 else "cannot be told from guessing"
    return f"{whole} over all records, but tells some members from others" if somewhere else whole
