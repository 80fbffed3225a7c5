"""The classes stay and the records change: by a natural key of the data, or by a transform of pictures."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from privacy.errors import ScenarioError
from scenarios.datasets.dataset import Dataset
from scenarios.shifts import AnyShift, Permutation, Resolution, Rotation
from scenarios.streams.data_incremental import at_random
from scenarios.streams.stream import Experiences, Stream, in_turn


class DomainIncremental(Stream):
    """`stream = { kind = "domain-incremental", key = "month", experiences = 12, rounds_per_experience = 5 }`.

    With `key`, the key's values arrive in their order, in equal runs. With `transform`, the records are dealt out at
    random, the first experience sees them as they are, and each later one turned by `degrees` more ("rotation"), with
    its own order of pixels or columns ("permutation") or at a resolution that much coarser ("resolution").
    """

    kind: Literal["domain-incremental"] = "domain-incremental"
    key: str = ""
    """A key of the data set, whose values arrive in their order, in equal runs; or give `transform`."""
    transform: Literal["rotation", "permutation", "resolution"] | None = None
    """What each later experience has more of than the one before it; or give `key`."""
    degrees: Annotated[float, Field(gt=0, le=180)] = 15.0
    """How much further each experience is turned, with "rotation"."""

    @model_validator(mode="after")
    def _one_source_of_domains(self) -> Self:
        if bool(self.key) == (self.transform is not None):
            raise ValueError("needs either key, a natural key of the data, or transform; give one of them")
        return self

    def divide(self, dataset: Dataset, rng: np.random.Generator) -> Experiences:
        """The experience of each record. Raises ScenarioError for a key that is not there or a shift that cannot be."""
        if self.transform is None:
            return self._by_key(dataset)
        shifts = tuple(self._shifts())
        for shift in shifts:
            reason = shift.refusal(dataset.shape, len(dataset.classes)) if shift is not None else None
            if reason is not None:
                raise ScenarioError([f"stream.transform: {reason}"])
        return replace(at_random(dataset, self.experiences, self.transform, rng), shifts=shifts)

    def _by_key(self, dataset: Dataset) -> Experiences:
        if self.key not in dataset.keys:
            listed = ", ".join(f'"{name}"' for name in dataset.keys) or "none"
            raise ScenarioError([f'stream.key: the data set has no key "{self.key}"; it has {listed}'])
        key = dataset.keys[self.key]
        if self.experiences > len(key.names):
            raise ScenarioError(
                [
                    f'stream.experiences: the {len(key.names)} values of "{self.key}" cannot arrive in '
                    f"{self.experiences} experiences"
                ]
            )
        of = in_turn(key.values, len(key.names), self.experiences)
        runs = np.array_split(np.arange(len(key.names)), self.experiences)
        names = tuple(f"{self.key} " + ", ".join(key.names[value] for value in run) for run in runs)
        return Experiences(of, names, (None,) * self.experiences)

    def _shifts(self) -> Iterator[AnyShift | None]:
        yield None
        for number in range(1, self.experiences):
            if self.transform == "rotation":
                yield Rotation(degrees=self.degrees * number)
            elif self.transform == "permutation":
                yield Permutation()
            else:
                yield Resolution(factor=number + 1)
