"""Classes arrive over time, and the model is never told from which experience a record is."""

from typing import Literal

import numpy as np
from pydantic import Field

from privacy.errors import ScenarioError
from scenarios.datasets.dataset import Dataset
from scenarios.streams.stream import Experiences, Stream, in_turn


class ClassIncremental(Stream):
    """`stream = { kind = "class-incremental", experiences = 5, rounds_per_experience = 10 }`."""

    kind: Literal["class-incremental"] = "class-incremental"
    class_order: tuple[int, ...] = Field(default=(), strict=False)
    """The classes by number as they arrive; empty, they arrive as the data set has them."""

    def divide(self, dataset: Dataset, rng: np.random.Generator) -> Experiences:
        """Equal runs of classes, one an experience. Raises ScenarioError where they do not go round."""
        classes = len(dataset.classes)
        order = self.class_order or tuple(range(classes))
        if sorted(order) != list(range(classes)):
            raise ScenarioError(
                [f"stream.class_order: {list(order)} does not name each of the classes 0 to {classes - 1} once"]
            )
        if self.experiences > classes:
            raise ScenarioError(
                [f"stream.experiences: {classes} classes cannot arrive in {self.experiences} experiences"]
            )
        place = np.argsort(np.array(order))
        of = in_turn(place[dataset.labels], classes, self.experiences)
        names = tuple(
            "classes " + ", ".join(dataset.classes[label] for label in sorted(run))
            for run in np.array_split(np.array(order), self.experiences)
        )
        return Experiences(of, names, (None,) * self.experiences)
