"""How records are seen: as they are, or through the shifts of streams, drifts and poison.

A concept is a sequence of shifts. One table holds what the model takes of each record under each concept of a scenario,
one concept after another, so that a row is all that anybody needs: row = concept * records + record. A part of the
table is computed when it is first asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain, combinations, product

import numpy as np
import numpy.typing as npt

from privacy.errors import ScenarioError
from scenarios import models
from scenarios.datasets.dataset import Dataset, Inputs, Labels
from scenarios.events import DriftEvent, PoisonEvent
from scenarios.schema import Scenario
from scenarios.seeds import stream
from scenarios.shifts import AnyShift
from scenarios.streams import Experiences
from scenarios.world import Applied, Drift, World

Concept = tuple[Applied, ...]
AS_IT_IS: Concept = ()

MOST_CONCEPTS = 64
"""More would fill memory: the table has a row for every record under each."""

Chosen = npt.NDArray[np.bool_]


@dataclass(eq=False)
class Appearances:
    """Features float32[C * N, ...] and labels int64[C * N] of all N records under all C concepts."""

    scenario: Scenario
    dataset: Dataset
    experiences: Experiences
    _places: dict[Concept, int] = field(init=False, repr=False)
    _filled: set[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        found = dict.fromkeys(concepts_of(self.scenario, self.experiences))
        if len(found) > MOST_CONCEPTS:
            raise ScenarioError(
                [f"event: records would be seen in {len(found)} ways; at most {MOST_CONCEPTS} are kept"]
            )
        self._places = {concept: place for place, concept in enumerate(found)}
        self._filled = {0}
        plain = models.prepared(self.scenario.model, self.dataset)
        self.features: Inputs = plain
        self.labels: Labels = self.dataset.labels
        if len(self._places) > 1:
            self._make_room(plain)

    def rows(self, records: Labels, concept: Concept) -> Labels:
        """int64[n]: the rows of these records under a concept, each seen through the shift of its experience, too."""
        if not concept and not any(self.experiences.shifts):
            return records
        found = np.empty(len(records), np.int64)
        for number, shift in enumerate(self.experiences.shifts, start=1):
            those = self.experiences.of[records] == number
            if those.any():
                place = self._place((*_of_experience(number, shift), *concept))
                found[those] = place * len(self.dataset) + records[those]
        return found

    def seen(self, records: Labels, world: World, client: int | None) -> Labels:
        """int64[n]: the rows of these records in a world, as a client has them, or as test records (None).

        Who has drifted or is poisoned is decided record by record by a number drawn once for each, so that a share that
        grows only adds to what it was.
        """
        poison = world.poisons.get(client) if client is not None else None
        if not world.drifts and poison is None:
            return self.rows(records, AS_IT_IS)
        concepts: dict[Concept, Chosen] = {AS_IT_IS: np.ones(len(records), np.bool_)}
        for drift in world.drifts:
            concepts = self._split(concepts, records, drift.applied, _share(drift, client, world))
        if poison is not None:
            concepts = self._split(concepts, records, poison.applied, poison.share)
        found = np.empty(len(records), np.int64)
        for concept, those in concepts.items():
            if those.any():
                found[those] = self.rows(records[those], concept)
        return found

    def _split(
        self, concepts: dict[Concept, Chosen], records: Labels, applied: Applied, share: float
    ) -> dict[Concept, Chosen]:
        if share <= 0.0:
            return concepts
        numbers = stream(self.scenario.seed, "shift", applied.name, "records").random(len(self.dataset))
        drawn = numbers[records] < share
        split = {}
        for concept, those in concepts.items():
            split[concept] = those & ~drawn
            split[(*concept, applied)] = those & drawn
        return split

    def _place(self, concept: Concept) -> int:
        place = self._places[concept]
        if place not in self._filled:
            shifted = self._shifted(concept)
            begin, end = place * len(self.dataset), (place + 1) * len(self.dataset)
            self.features[begin:end] = models.prepared(self.scenario.model, shifted)
            self.labels[begin:end] = shifted.labels
            self._filled.add(place)
        return place

    def _shifted(self, concept: Concept) -> Dataset:
        inputs, labels = self.dataset.inputs, self.dataset.labels
        for applied in concept:
            rng = stream(self.scenario.seed, "shift", applied.name)
            inputs, labels = applied.shift.apply(inputs, labels, len(self.dataset.classes), rng)
        return replace(self.dataset, inputs=np.ascontiguousarray(inputs), labels=labels)

    def _make_room(self, plain: Inputs) -> None:
        """A table for all concepts; its pages are touched only where it is filled."""
        count = len(self._places) * len(self.dataset)
        self.features = np.empty((count, *plain.shape[1:]), plain.dtype)
        self.labels = np.zeros(count, np.int64)
        self.features[: len(plain)] = plain
        self.labels[: len(plain)] = self.dataset.labels


def concepts_of(scenario: Scenario, experiences: Experiences) -> Iterator[Concept]:
    """Every concept that can come up, as it is first of all."""
    bases = [_of_experience(number, shift) for number, shift in enumerate(experiences.shifts, start=1)]
    drifts = [event.applied for event in scenario.event if isinstance(event, DriftEvent)]
    poisons = [event.applied for event in scenario.event if isinstance(event, PoisonEvent)]
    together = list(chain.from_iterable(combinations(drifts, count) for count in range(len(drifts) + 1)))
    yield AS_IT_IS
    for base, drift, poison in product(bases, together, [(), *((one,) for one in poisons)]):
        yield (*base, *drift, *poison)


def _of_experience(number: int, shift: AnyShift | None) -> Concept:
    return () if shift is None else (Applied(f"experience {number}", shift),)


def _share(drift: Drift, client: int | None, world: World) -> float:
    """The share of a client's records that has drifted; of the test records (None), as among the clients there."""
    if drift.clients is None:
        return drift.share
    if client is not None:
        return drift.share if client in drift.clients else 0.0
    return drift.share * len(world.present & set(drift.clients)) / max(1, len(world.present))
