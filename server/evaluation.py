"""The server's own evaluation of the global model on held-out records."""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from privacy.view import Vector
from scenarios import models

_BATCH = 256


@dataclass(frozen=True, eq=False)
class Examination:
    """A built model and the held-out records, ready to score one parameter vector after another.

    Images lie with their channels last in memory and pass in small batches: convolution and pooling on one thread are
    three times as fast then, and for a small convolutional network scoring took more than half of a round.
    """

    module: torch.nn.Module
    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]

    def score(self, model: Vector) -> tuple[float, float]:
        """Accuracy and mean cross-entropy of float32[d], on one thread: a sum's bits depend on how it is split."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            models.assign_parameters(self.module, model)
            return self._score()
        finally:
            torch.set_num_threads(threads)

    @torch.no_grad()
    def _score(self) -> tuple[float, float]:
        correct, loss = 0, 0.0
        for inputs, labels in self._batches:
            scores = self.module(inputs)
            correct += int((scores.argmax(1) == labels).sum())
            loss += float(torch.nn.functional.cross_entropy(scores, labels, reduction="sum"))
        return correct / len(self.labels), loss / len(self.labels)

    @functools.cached_property
    def _batches(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        images = self.inputs.ndim == 4
        if images:
            self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs miss it
        inputs, labels = torch.from_numpy(np.array(self.inputs)), torch.from_numpy(np.array(self.labels))
        if images:
            inputs = inputs.to(memory_format=torch.channels_last)
        return list(zip(torch.split(inputs, _BATCH), torch.split(labels, _BATCH), strict=True))
