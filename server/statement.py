"""What a run promises and to whom, in words: unit, neighbouring relation, sampling, trust, assumptions."""

from privacy.guarantees import DpSgd
from scenarios.schema import Scenario

STAMP = "reproducible: not private against anyone who knows the seed"


def stamp(scenario: Scenario) -> str | None:
    """The notice of a run whose noise a seed reproduces; None where there is no noise or no seed behind it."""
    private = isinstance(scenario.privacy, DpSgd)
    return STAMP if private and not scenario.system_noise else None


def guarantee(scenario: Scenario) -> dict[str, object] | None:
    """The guarantee's statement for the manifest and the report; None without differential privacy."""
    privacy = scenario.privacy
    if not isinstance(privacy, DpSgd):
        return None
    noise = "the operating system's entropy" if scenario.system_noise else "a seed, kept secret"
    return {
        "statement": (
            "Each client's whole sequence of updates is (epsilon, delta)-differentially private for each of its "
            "records, against anyone who sees the updates or any model made from them."
        ),
        "unit": "record",
        "neighbouring_relation": "add or remove one record of one client",
        "sampling": "Poisson: each record enters each step independently",
        "accountant": privacy.accountant,
        "delta": privacy.delta,
        "trust": (
            "each client clips, draws its own noise and keeps its own account; it trusts its own machine, and refuses "
            "plans of another scenario than the one it was introduced with, less noise, and a round trained before"
        ),
        "assumptions": [
            f"the noise, and who is in a batch, come from {noise}",
            "how many records of each class a client holds is public: this page shows it",
            "no record is held by two clients; a record held by k clients is charged by each of them",
            "held-out test records are public: they are not covered",
            "clipping norm, batch size and learning rate were not tuned on these records",
        ],
    }
