"""The canary audit of a run: of the client and the segment that paid most, at their own noise, rate and steps."""

import math
from collections.abc import Mapping
from dataclasses import replace

from privacy import accounting, ledger
from privacy.audits import canary
from privacy.audits.canary import Bound, Noise, Released
from privacy.findings import Finding
from privacy.guarantees import DpSgd
from privacy.ledger import Ledger
from scenarios.audits import Canary
from scenarios.seeds import noise_stream, stream, torch_stream
from simulation.auditing.subject import Subject

NOISE_CONFIDENCE = 0.999
"""Of the noise test: a finding that calls a mechanism broken should not come up once in twenty sound runs."""


def findings(parameters: Canary, subject: Subject) -> list[Finding]:
    """A lower bound on epsilon beside the ledger's upper one, and a measurement of the noise.

    With `sabotage` both are of a mechanism that is not the run's, say so, and contradict nothing.
    Raises ValueError where nobody trained or the run is too long to be played again.
    """
    privacy = subject.scenario.privacy
    assert isinstance(privacy, DpSgd)
    client, segment, rows, claimed = _dearest(subject.ledgers, privacy)
    seed = subject.scenario.seed
    label = "audit", "canary", parameters.canaries
    released = canary.release(
        rows,
        privacy.clip_norm,
        stream(seed, *label, "coins").random(parameters.canaries) < 0.5,
        torch_stream(seed, *label, "batches"),
        noise_stream(seed, *label, "noise"),
        parameters.sabotage,
    )
    facts: dict[str, object] = {
        "client": client,
        "segment": segment,
        "claimed_epsilon": claimed,
        "delta": privacy.delta,
        "accountant": privacy.accountant,
        "rows": ledger.to_rows(rows),
        "canaries": parameters.canaries,
        "sees": "every noisy sum of every step, which is what differential privacy protects against",
        "noise_source": _source(privacy),
    }
    best = canary.bound(released, privacy.delta, parameters.confidence)
    noise = canary.noise_of(released, NOISE_CONFIDENCE)
    found = [
        epsilon_finding(parameters, best, claimed, privacy.delta, facts, seed),
        noise_finding(noise, released, facts, seed),
    ]
    return found if parameters.sabotage == 1.0 else [_sabotaged(one, parameters.sabotage) for one in found]


def epsilon_finding(
    parameters: Canary, best: Bound, claimed: float, delta: float, facts: Mapping[str, object], seed: int
) -> Finding:
    """The lower bound in words; above the claimed epsilon it contradicts the ledger."""
    broken = best.epsilon > claimed
    most = canary.most(parameters.canaries, delta, parameters.confidence)
    sides = (
        f"{best.correct} of {best.guesses} guesses about {parameters.canaries} canaries were right, so with "
        f"{parameters.confidence:.0%} confidence the mechanism's epsilon is at least {best.epsilon:.3g}; "
        f"the ledger claims at most {claimed:.4g} (delta {delta:g}). "
    )
    if broken:
        verdict = "Both cannot be true: there is less noise, more sampling or less clipping than is accounted for."
    elif claimed > most:
        verdict = f"So many canaries certify at most {most:.3g}: a claim above that cannot be contradicted so."
    else:
        verdict = "That does not contradict the claim, nor prove it: a lower bound can only refute."
    return Finding(
        kind="canary",
        statement=sides + verdict,
        figure="epsilon, lower bound",
        value=best.epsilon,
        low=best.epsilon,
        high=None,
        confidence=parameters.confidence,
        facts={
            **facts,
            "guesses": best.guesses,
            "correct": best.correct,
            "most_certifiable": most,
            "estimate_on_a_gaussian_curve": best.on_a_gaussian_curve,
            "assumption_of_the_estimate": "the trade-off curve is a Gaussian's (arXiv 2410.22235); not a bound without",
        },
        seed=seed,
        made_by="privacy.audits.canary.bound",
        contradiction=broken,
    )


def noise_finding(noise: Noise, released: Released, facts: Mapping[str, object], seed: int) -> Finding:
    """How much noise there was; significantly less than is claimed contradicts the ledger, whatever epsilon is."""
    broken = noise.too_little < 1.0 - NOISE_CONFIDENCE
    verdict = "less than the ledger was charged for" if broken else "not less than the ledger was charged for"
    return Finding(
        kind="canary",
        statement=(
            f"On {released.noise_draws} draws without a canary the noise's standard deviation is {noise.ratio:.4f} of "
            f"the claimed one ({NOISE_CONFIDENCE:.1%} interval {noise.low:.4f} to {noise.high:.4f}): {verdict}."
        ),
        figure="noise, standard deviation over the claimed one",
        value=noise.ratio,
        low=noise.low,
        high=noise.high,
        confidence=NOISE_CONFIDENCE,
        facts={**facts, "draws": released.noise_draws, "p_value": noise.too_little},
        seed=seed,
        made_by="privacy.audits.canary.noise_of",
        contradiction=broken,
    )


def _sabotaged(finding: Finding, factor: float) -> Finding:
    """A finding of noise that was broken on purpose: what would contradict the run is here only the audit at work."""
    noticed = finding.contradiction
    verdict = "This test noticed" if noticed else "This test did not notice"
    return replace(
        finding,
        figure=f"{finding.figure}, with {factor:g} times the noise",
        statement=(
            f"Sabotage: {factor:g} times the run's noise was played, on purpose, which is not the run's own mechanism. "
            f"{verdict}. {finding.statement}"
        ),
        facts={**finding.facts, "sabotage": factor, "noticed": noticed},
        contradiction=False,
    )


def _dearest(ledgers: Mapping[str, Ledger], privacy: DpSgd) -> tuple[str, str, Ledger, float]:
    """Client, segment, rows and epsilon of the records that paid most."""
    spent = [
        (epsilon, client, segment)
        for client, rows in ledgers.items()
        for segment, epsilon in accounting.epsilon_by_segment(rows, privacy.delta, privacy.accountant).items()
    ]
    if not spent:
        raise ValueError("no client has spent anything: there is no mechanism that ran")
    epsilon, client, segment = max(spent, key=lambda one: (one[0], -int(one[1])))
    if not math.isfinite(epsilon):
        raise ValueError(f"client {client} spent an infinite epsilon, which no bound can contradict")
    return client, segment, tuple(row for row in ledgers[client] if row.segment == segment), epsilon


def _source(privacy: DpSgd) -> str:
    if privacy.noise_source == "seeded":
        return "seeded, as in the run"
    return "seeded, so that the audit can be repeated; the run's came from the operating system"
