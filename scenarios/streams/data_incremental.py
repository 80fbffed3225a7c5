"""More data of the same kind arrive over time."""

from typing import Literal

import numpy as np

from privacy.errors import ScenarioError
from scenarios.datasets.dataset import Dataset
from scenarios.streams.stream import Experiences, Stream, in_turn


class DataIncremental(Stream):
    """`stream = { kind = "data-incremental", experiences = 5, rounds_per_experience = 10 }`: at random, equal parts."""

    kind: Literal["data-incremental"] = "data-incremental"

    def divide(self, dataset: Dataset, rng: np.random.Generator) -> Experiences:
        """Every record in one of the increments, whatever it is. Raises ScenarioError for too few records."""
        return at_random(dataset, self.experiences, "increment", rng)


def at_random(dataset: Dataset, experiences: int, name: str, rng: np.random.Generator) -> Experiences:
    """Equal parts of the records, drawn at random."""
    records = len(dataset)
    if experiences > records:
        raise ScenarioError([f"stream.experiences: {records} records cannot arrive in {experiences} experiences"])
    of = in_turn(rng.permutation(records), records, experiences)
    names = tuple(f"{name} {number}" for number in range(1, experiences + 1))
    return Experiences(of, names, (None,) * experiences)
