"""What is asked of a client in a round: which segments, how many steps, and what that costs. Pure, the same for both
sides: a client works it out from the scenario it agreed to, so nobody can ask it for anything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from privacy.ledger import Charge, Ledger
from privacy.steps import MECHANISM, PrivateSteps, planned_sampling
from scenarios.learners import Part, Task
from scenarios.learners.learner import of_now, whole
from scenarios.schema import DpSgd, Scenario
from scenarios.segments import Segment, available
from scenarios.timeline import world_at
from scenarios.world import World


@dataclass(frozen=True, eq=False)
class Work:
    """One client's task in one round. `steps` are those of training; a release is one. Compared by identity."""

    task: Task
    parts: tuple[Part, ...]
    steps: int

    @property
    def records(self) -> int:
        """How many records it is about."""
        return sum(part.records for part in self.parts)

    @property
    def taken(self) -> int:
        """How many records a step takes, under DP-SGD on average."""
        return sum(part.taken for part in self.parts)

    @property
    def weight(self) -> int:
        """What the client's weight is in proportion to: its records, for statistics the power of two that holds them.

        Dividing by it then loses no bit of a sum.
        """
        return self.records if self.task != "statistics" else 1 << (self.records - 1).bit_length()

    @property
    def taken_back(self) -> tuple[str, ...]:
        """The segments whose statistics are to be taken back."""
        return tuple(segment.name for part in self.parts if part.sign < 0 for segment in part.segments)

    @property
    def rates(self) -> tuple[tuple[str, float], ...]:
        """Each segment whose records are used, with the probability that a record is in a step."""
        return tuple((segment.name, part.sampling_rate) for part in self.parts for segment in part.segments)


def work_at(scenario: Scenario, own: Sequence[Segment], client: int, world: World, task: Task) -> Work | None:
    """The work of a client with these segments; None where there is nothing for it to do."""
    training = scenario.training
    if task == "statistics":
        parts = _due(scenario, own, client, world)
        # Nobody adds zeros for company: it is known who has nothing due, so the sum would still be that of the others.
        return Work(task, parts, 1) if parts else None
    usable = available(world, client, own)
    if task == "consolidate":
        parts = whole(of_now(world, usable), 1)
        return Work(task, tuple(Part(part.whole, part.records, part.records) for part in parts), 1) if parts else None
    parts = scenario.learner.parts(world, usable, training.batch_size)
    if not parts:
        return None
    _, steps = planned_sampling(parts[0].records, parts[0].batch_size, training.epochs)
    return Work(task, parts, steps)


def charges_of(scenario: Scenario, work: Work, noise_multiplier: float) -> tuple[Charge, ...]:
    """What the work costs, one row a segment; none without differential privacy, or where it only takes back."""
    if not isinstance(scenario.privacy, DpSgd):
        return ()
    mechanism = MECHANISM if work.task == "train" else work.task
    return tuple(
        Charge(segment.name, mechanism, noise_multiplier, part.sampling_rate, work.steps)
        for part in work.parts
        if part.sign > 0
        for segment in part.segments
    )


def released(kept: Ledger) -> frozenset[str]:
    """The segments whose statistics have left a client, as its ledger has it; what a budget refused is none of them."""
    return frozenset(row.segment for row in kept if row.mechanism == "statistics")


def private_steps(scenario: Scenario, work: Work, noise_multiplier: float) -> PrivateSteps | None:
    """How DP-SGD does the work; None without differential privacy."""
    if not isinstance(scenario.privacy, DpSgd):
        return None
    training = scenario.training
    return PrivateSteps(
        charges=charges_of(scenario, work, noise_multiplier),
        steps=work.steps,
        noise_multiplier=noise_multiplier,
        clip_norm=scenario.privacy.clip_norm,
        learning_rate=training.learning_rate,
        momentum=training.momentum,
        taken_back=work.taken_back,
    )


def _due(scenario: Scenario, own: Sequence[Segment], client: int, world: World) -> tuple[Part, ...]:
    """What has become usable since the round before, to be added, and what was usable and is to be subtracted."""
    usable = available(world, client, own)
    before = world_at(scenario, world.round - 1) if world.round > 1 else None
    earlier = available(before, client, own) if before is not None else ()
    # A client that was away was asked for its segments before it went.
    come = [segment for segment in usable if not _released(scenario, segment, client, world)]
    gone = [segment for segment in earlier if segment not in usable and world.is_subtracted(client, segment.name)]
    added = tuple(Part((segment,), segment.size, segment.size) for segment in come)
    return added + tuple(Part((segment,), segment.size, segment.size, sign=-1) for segment in gone)


def _released(scenario: Scenario, segment: Segment, client: int, world: World) -> bool:
    """Whether the segment was usable in any round before."""
    return any(segment in available(world_at(scenario, round_), client, (segment,)) for round_ in range(1, world.round))
