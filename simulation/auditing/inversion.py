"""Gradient inversion on a run: what the server can rebuild of records from what it saw of the first round."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from privacy.audits import likeness
from privacy.audits.inversion import Floats
from privacy.findings import Finding
from scenarios.audits import GradientInversion
from scenarios.schema import DpSgd, Scenario
from scenarios.seeds import torch_stream
from simulation.auditing.attacker import ANALYTIC, RECOGNISABLE_DB, Attacker, Inverted, Match
from simulation.auditing.replay import FirstRound, first_round
from simulation.auditing.subject import Subject

MOST_PICTURES = 8
LARGEST_SIDE = 64
"""What a finding shows: so many pictures of at most so many pixels a side."""

_OTHER_ROUND = (
    "This is not the round as the run played it, whose noise came from the operating system: another draw of it."
)
_KNOWS = (
    "what the server saw of round 1, the model it sent, the training settings, the range of the records' values, and "
    "how many records and steps are behind it; the true records serve for nothing but the comparison"
)


@dataclass(frozen=True)
class _Attacked:
    """Something that the server saw: whose it is, and what became of it."""

    whose: str
    records: int
    steps: int
    inverted: Inverted


def findings(parameters: GradientInversion, subject: Subject) -> list[Finding]:
    """What single updates show; where the server sees none, that there are none and what their sum shows.

    Raises ValueError where no update came in.
    """
    scenario, round_ = subject.scenario, first_round(subject.scenario)
    view = round_.view
    if not view.contributions:
        raise ValueError("no update came in in round 1: there is nothing to invert, and no sum")
    facts: dict[str, object] = {
        "round": 1,
        "clients": len(view.contributions),
        "knows": _KNOWS,
        "as_in_the_run": hashlib.sha256(round_.model).hexdigest() == subject.first_model_sha256,
        "privacy": scenario.privacy.kind,
        "protection": scenario.protection.kind,
    }
    if view.updates is None:
        everybody = [one.client for one in view.contributions]
        attacked = _attack(parameters, round_, scenario, view.total / view.weight, everybody)
        return [_nothing(facts, scenario), _finding(parameters, scenario, [attacked], "the sum", facts)]
    single = [
        _attack(parameters, round_, scenario, view.updates[client].astype(np.float64), [client])
        for client in sorted(view.updates)[: parameters.clients]
    ]
    return [_finding(parameters, scenario, single, "single updates", facts)]


def _attack(
    parameters: GradientInversion, round_: FirstRound, scenario: Scenario, update: Floats, clients: Sequence[int]
) -> _Attacked:
    """Of one client an update, of several their mean."""
    whose = f"client {clients[0]}" if len(clients) == 1 else f"{len(clients)} clients"
    rows, steps = np.concatenate([round_.rows[client] for client in clients]), max(round_.steps[one] for one in clients)
    generator = torch_stream(scenario.seed, "audit", parameters.kind, *clients)
    attacker = Attacker(scenario, parameters.steps, parameters.attempts, MOST_PICTURES)
    return _Attacked(whose, len(rows), steps, attacker.invert(update, rows, steps, generator))


def _nothing(facts: Mapping[str, object], scenario: Scenario) -> Finding:
    """Under a protection that hides updates a view holds none: no attack failed, there is nothing to try one on."""
    return Finding(
        kind="gradient-inversion",
        statement=(
            f"Nothing to invert: of the {facts['clients']} updates of round 1 the server saw none by itself, only "
            f"their sum. {scenario.protection.trust}"
        ),
        figure="single updates that the server saw",
        value=0.0,
        facts=dict(facts),
        seed=scenario.seed,
        made_by="simulation.auditing.replay.first_round",
    )


def _finding(
    parameters: GradientInversion,
    scenario: Scenario,
    attacked: Sequence[_Attacked],
    what: str,
    facts: Mapping[str, object],
) -> Finding:
    best = np.array([one.inverted.psnr.max() for one in attacked])
    blind = float(np.mean([one.inverted.blind.max() for one in attacked]))
    mean, low, high = likeness.mean_between(best, parameters.confidence)
    high = None if high is None else min(high, likeness.MOST_DB)
    inverted = [one.inverted for one in attacked]
    return Finding(
        kind="gradient-inversion",
        statement=" ".join(
            (
                _how_close(parameters, attacked, what, (mean, low, high), blind),
                _verdict(attacked, mean, blind, scenario),
                _labels(inverted),
                *([] if facts["as_in_the_run"] else [_OTHER_ROUND]),
                "This is how well one attacker does who sees what the server saw; that an attack fails proves nothing.",
            )
        ),
        figure=f"PSNR of the best reconstruction from {what}, dB",
        value=mean,
        low=low,
        high=high,
        confidence=None if low is None else parameters.confidence,
        facts={
            **facts,
            "attack": inverted[0].attack,
            "inverted": what,
            "psnr_of_a_blind_guess": blind,
            "psnr_of_strangers": float(np.mean([one.strangers.max() for one in inverted])),
            "attacked": [_figures(one) for one in attacked],
            "pictures": _pictures(attacked),
        },
        seed=scenario.seed,
        made_by="privacy.audits.inversion." + ("read_off" if inverted[0].attack == ANALYTIC else "matched"),
    )


def _how_close(
    parameters: GradientInversion,
    attacked: Sequence[_Attacked],
    what: str,
    figures: tuple[float, float | None, float | None],
    blind: float,
) -> str:
    mean, low, high = figures
    behind = " in ".join(
        _between([getattr(one, noun) for one in attacked], noun.removesuffix("s")) for noun in ("records", "steps")
    )
    who = f"{attacked[0].whose}:" if len(attacked) == 1 else f"{len(attacked)} clients, each"
    spread = "" if low is None else f" on average ({parameters.confidence:.0%} interval {low:.1f} to {high:.1f})"
    return (
        f"From {what} of round 1 ({who} {behind}), by {attacked[0].inverted.attack}: the record that comes out best "
        f"has a PSNR of {mean:.1f} dB{spread}; a guess that saw no update has {blind:.1f} dB."
    )


def _between(counts: Sequence[int], noun: str) -> str:
    fewest, most = min(counts), max(counts)
    return f"{fewest:,}{f' to {most:,}' if most > fewest else ''} {noun}{'s' if most > 1 else ''}"


def _verdict(attacked: Sequence[_Attacked], mean: float, blind: float, scenario: Scenario) -> str:
    """What the figures mean. Whether anything was in the way is said as what was there, not as what did it."""
    seen = sum(int(one.inverted.recognised.sum()) for one in attacked)
    records = sum(len(one.inverted.psnr) for one in attacked)
    strangers = float(np.mean([one.inverted.strangers.max() for one in attacked]))
    chance = f"as many records that nobody trained on have {strangers:.1f} dB at best, by chance"
    if seen:
        return (
            f"{seen:,} of {records:,} records come out at {RECOGNISABLE_DB:g} dB or more and better than that, where "
            f"{chance}: whoever sees this sees them."
        )
    if mean <= max(blind, strangers):
        there = "under DP-SGD's clipping and noise " if isinstance(scenario.privacy, DpSgd) else ""
        return f"What comes out {there}is no better than what needs no update: {chance}."
    return f"That is better than chance, since {chance}; no record is at {RECOGNISABLE_DB:g} dB and above all of those."


def _labels(inverted: Sequence[Inverted]) -> str:
    """What was told of the labels beside what is known without an update."""
    found, blind = (
        float(np.mean([getattr(one, name) for one in inverted])) for name in ("labels_found", "labels_blind")
    )
    return f"Of the labels, counted by class, {found:.0%} were told; {blind:.0%} are without any update."


def _figures(one: _Attacked) -> dict[str, object]:
    """What became of an update, in numbers."""
    found = one.inverted
    return {
        "of": one.whose,
        "records": one.records,
        "steps": one.steps,
        "psnr": found.best[0].psnr,
        "ssim": found.best[0].ssim,
        "psnr_of_a_blind_guess": float(found.blind.max()),
        "psnr_mean_over_records": float(found.psnr.mean()),
        "psnr_of_strangers": float(found.strangers.max()),
        "records_above_20_db": int((found.psnr >= RECOGNISABLE_DB).sum()),
        "records_recognised": int(found.recognised.sum()),
        "labels_found": found.labels_found,
        "labels_of_a_blind_guess": found.labels_blind,
    }


def _pictures(attacked: Sequence[_Attacked]) -> list[dict[str, object]]:
    """The best of each update, of a single one its best, as far as they are pictures that a page can show."""
    each = 1 if len(attacked) > 1 else MOST_PICTURES
    shown = [(one.whose, match) for one in attacked[:MOST_PICTURES] for match in one.inverted.best[:each]]
    return [
        {
            "of": whose,
            "label": match.label,
            "psnr": match.psnr,
            "ssim": match.ssim,
            "true": _levels(match.true),
            "rebuilt": _levels(match.rebuilt),
        }
        for whose, match in shown
        if _fits(match)
    ]


def _fits(match: Match) -> bool:
    return match.true.ndim == 2 and max(match.true.shape) <= LARGEST_SIDE


def _levels(picture: Floats) -> list[list[int]]:
    """256 grey levels, 0 for the smallest value."""
    levels: list[list[int]] = np.rint(255.0 * picture).astype(int).tolist()
    return levels
