"""The server's own evaluation of the global model on held-out records, as the world of a round shows them."""

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from privacy.view import Vector
from scenarios import models
from scenarios.concepts import Appearances
from scenarios.datasets.dataset import Labels
from scenarios.events import PoisonEvent
from scenarios.records import label_space
from scenarios.schema import Scenario
from scenarios.shifts import Backdoor
from scenarios.threads import one_thread
from scenarios.timeline import world_at
from scenarios.world import World
from server.evaluation.pooling import quicken_pooling

_BATCH = 256
_NEVER = -1e9
"""The score of a class that is not in the label space; finite, so that a record of such a class has a loss."""

Allowed = npt.NDArray[np.bool_]
Batches = list[tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class Outcomes:
    """How a model did on some rows: bool[n] whether each was right, float32[n] its cross-entropy."""

    right: npt.NDArray[np.bool_]
    losses: npt.NDArray[np.float32]

    def accuracy(self, chosen: npt.NDArray[np.bool_] | None = None) -> float | None:
        """The share of the chosen rows that are right, of all by default; None where there are none."""
        right = self.right if chosen is None else self.right[chosen]
        return float(right.sum() / len(right)) if len(right) else None

    def loss(self, chosen: npt.NDArray[np.bool_] | None = None) -> float:
        """The mean cross-entropy of the chosen rows."""
        losses = self.losses if chosen is None else self.losses[chosen]
        return float(losses.sum(dtype=np.float64) / max(1, len(losses)))


def majority(labels: Labels) -> float | None:
    """The share of the most common class among int64[n] labels; None where there are none."""
    return float(np.bincount(labels).max() / len(labels)) if len(labels) else None


@dataclass(eq=False)
class Examination:
    """A built model and the held-out records as they may be seen, ready to score one parameter vector after another.

    Images lie with their channels last in memory and pass in small batches, and pooling compares whole runs of them:
    scoring is four times as fast then, and for a small convolutional network it took more than half of a round.
    """

    scenario: Scenario
    module: torch.nn.Module
    appearances: Appearances
    test: Labels
    validation: Labels
    _kept: dict[str, tuple[Labels, Batches]] = field(default_factory=dict, repr=False)

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.appearances.dataset.classes)

    def figures(self, model: Vector, round_: int, whole: bool) -> dict[str, Any]:
        """How float32[d] does on the test records as they are seen in a round.

        `accuracy` and `loss` are over the experiences that have begun. `majority` is the share of the most common class
        among the same records: the accuracy of a model that learned nothing else and always says that class.

        With a stream, `by_experience` has the accuracy on each experience, come or not, and, if the figures are to be
        `whole`, `by_class` the same by class, None where there is no record. `backdoor` is the share of test records of
        other classes that their trigger turns into its target. `validation_accuracy` is the accuracy on the validation
        split, as `accuracy` is on the test records.
        """
        world, of = world_at(self.scenario, round_), self.appearances.experiences.of[self.test]
        allowed = label_space(self.scenario, round_)
        rows = self.appearances.seen(self.test, world, None)
        outcomes = self.score("test", model, rows, allowed)
        begun = of <= world.experience
        figures: dict[str, Any] = {"accuracy": outcomes.accuracy(begun), "loss": outcomes.loss(begun)}
        figures["majority"] = majority(self.appearances.labels[rows[begun]])
        if len(self.validation):
            figures["validation_accuracy"] = self._validated(model, world)
        if self.scenario.stream is not None:
            numbers = range(1, len(self.appearances.experiences.names) + 1)
            figures["experience"] = world.experience
            figures["by_experience"] = [outcomes.accuracy(of == number) for number in numbers]
            if whole:
                labels = self.appearances.dataset.labels[self.test]
                figures["by_class"] = [
                    [outcomes.accuracy((of == number) & (labels == label)) for label in range(self.classes)]
                    for number in numbers
                ]
        success = [self._success(model, event, allowed) for event in self._backdoors]
        return {**figures, "backdoor": max(success)} if success else figures

    def score(self, name: str, model: Vector, rows: Labels, allowed: Allowed | None = None) -> Outcomes:
        """How float32[d] does on these rows, on one thread: a sum's bits depend on how it is split.

        Where only some classes are `allowed`, bool[C], the model chooses among these. The rows last scored under `name`
        are kept in batches, since most rounds see them as the round before did.
        """
        with one_thread():
            models.assign_parameters(self.module, model)
            return self._score(self._batches(name, rows), allowed)

    def _validated(self, model: Vector, world: World) -> float | None:
        begun = self.validation[self.appearances.experiences.of[self.validation] <= world.experience]
        rows = self.appearances.seen(begun, world, None)
        return self.score("validation", model, rows, label_space(self.scenario, world.round)).accuracy()

    @functools.cached_property
    def _backdoors(self) -> list[PoisonEvent]:
        poisons = [event for event in self.scenario.event if isinstance(event, PoisonEvent)]
        return [event for event in poisons if isinstance(event.attack, Backdoor)]

    def _success(self, model: Vector, event: PoisonEvent, allowed: Allowed | None) -> float:
        assert isinstance(event.attack, Backdoor)
        others = self.test[self.appearances.dataset.labels[self.test] != event.attack.target]
        rows = self.appearances.rows(others, (event.applied,))
        return self.score(f"backdoor {event.at}", model, rows, allowed).accuracy() or 0.0

    @torch.no_grad()
    def _score(self, batches: Batches, allowed: Allowed | None) -> Outcomes:
        right, losses = [], []
        for inputs, labels in batches:
            scores = self.module(inputs)
            if allowed is not None:
                scores = scores.masked_fill(torch.from_numpy(~allowed), _NEVER)
            right.append(scores.argmax(1) == labels)
            losses.append(torch.nn.functional.cross_entropy(scores, labels, reduction="none"))
        if not right:
            return Outcomes(np.zeros(0, np.bool_), np.zeros(0, np.float32))
        return Outcomes(torch.cat(right).numpy(), torch.cat(losses).numpy())

    def _batches(self, name: str, rows: Labels) -> Batches:
        if name not in self._kept or not np.array_equal(self._kept[name][0], rows):
            self._kept[name] = rows, self._cut(rows)
        return self._kept[name][1]

    def _cut(self, rows: Labels) -> Batches:
        inputs = torch.from_numpy(self.appearances.features[rows])
        labels = torch.from_numpy(self.appearances.labels[rows])
        if self._takes_images:
            inputs = inputs.to(memory_format=torch.channels_last)
        return list(zip(torch.split(inputs, _BATCH), torch.split(labels, _BATCH), strict=True))

    @functools.cached_property
    def _takes_images(self) -> bool:
        images = self.appearances.features.ndim == 4
        if images:
            quicken_pooling(self.module)
            self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs miss it
        return images
