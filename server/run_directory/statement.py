"""What a run promises and to whom, in words: unit, neighbouring relation, sampling, trust, assumptions."""

from collections.abc import Iterator

from privacy.guarantees import DpSgd
from scenarios.learners import Replay
from scenarios.schema import Scenario

STAMP = "reproducible: not private against anyone who knows the seed, which the server and every client are sent"
"""Under either engine every message to a client carries the scenario as the server has it, and so the seed."""


def promises(scenario: Scenario) -> dict[str, object]:
    """All that the manifest says a run promises."""
    return {
        "stamp": stamp(scenario),
        "guarantee": guarantee(scenario),
        "protection": {
            "kind": scenario.protection.kind,
            "hides_updates": scenario.protection.hides_updates,
            "trust": scenario.protection.trust,
        },
    }


def stamp(scenario: Scenario) -> str | None:
    """The notice of a run whose noise a seed reproduces; None where there is no noise or no seed behind it."""
    private = isinstance(scenario.privacy, DpSgd)
    return STAMP if private and not scenario.system_noise else None


def guarantee(scenario: Scenario) -> dict[str, object] | None:
    """The guarantee's statement for the manifest and the report; None without differential privacy."""
    privacy = scenario.privacy
    if not isinstance(privacy, DpSgd):
        return None
    return {
        "statement": " ".join(_statement(scenario)),
        "unit": "record",
        "neighbouring_relation": "add or remove one record of one client",
        "sampling": _sampling(scenario),
        "accountant": privacy.accountant,
        "delta": privacy.delta,
        "trust": (
            "each client clips, draws its own noise and keeps its own account; it trusts its own machine, and refuses "
            "plans of another scenario than the one it was introduced with, less noise, and a round trained before"
        ),
        "assumptions": list(_assumptions(scenario)),
    }


def _statement(scenario: Scenario) -> Iterator[str]:
    yield (
        "Each client's whole sequence of updates is (epsilon, delta)-differentially private for each of its records, "
        "against anyone who sees the updates or any model made from them."
    )
    if _in_pieces(scenario):
        yield (
            "A record is in one segment and is charged for every use of it; epsilon is that of the dearest segment. "
            "Segments do not add up, since they share no record."
        )
    if any(event.kind == "unlearn" for event in scenario.event):
        yield "What was spent on data that are unlearned stays spent."


def _sampling(scenario: Scenario) -> str:
    if not scenario.learner.repeats:
        return "none: each record enters the sums of its segment once"
    steps = "Poisson: each record enters each step independently"
    replay = scenario.learner
    if isinstance(replay, Replay) and replay.replay_sampling == "balanced":
        return f"{steps}, new records at one rate and remembered ones at another"
    return steps


def _assumptions(scenario: Scenario) -> Iterator[str]:
    """What the guarantee rests on. The timeline adds what it gives away itself: who is there, and what arrives when."""
    seed = "a seed, known to none of those against whom this holds"
    noise = "the operating system's entropy" if scenario.system_noise else seed
    each = " in each segment" if _in_pieces(scenario) else ""
    yield f"the noise, and who is in a batch, come from {noise}"
    yield f"how many records of each class a client holds{each} is public: the run's page shows it"
    if _in_pieces(scenario):
        yield (
            "which segment a record is in depends on no other record: on its class, its key, or a draw that does not "
            "look at it"
        )
    if scenario.stream is not None or scenario.event:
        yield "the timeline is public and was not made from these records: who is there, what arrives when"
    if scenario.learner.remembers:
        yield (
            "whether a client remembers a record is decided by a draw for that record alone, at a rate that follows "
            "from public counts"
        )
    if scenario.stream is not None and scenario.stream.label_space == "observed":
        yield "when anybody first holds a class is public: the model knows only classes that have come"
    yield "no record is held by two clients; a record held by k clients is charged by each of them"
    yield "held-out test records are public: they are not covered"
    yield "clipping norm, batch size and learning rate were not tuned on these records"


def _in_pieces(scenario: Scenario) -> bool:
    """Whether clients' data reach them in more than one segment."""
    return scenario.stream is not None or any(event.kind == "new-segment" for event in scenario.event)
