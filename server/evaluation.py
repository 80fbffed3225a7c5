"""The server's own evaluation of the global model on held-out records."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from privacy.view import Vector
from scenarios import models

_BATCH = 1024


@dataclass(frozen=True)
class Examination:
    """A built model and the held-out records, ready to score one parameter vector after another."""

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

    def _score(self) -> tuple[float, float]:
        correct, loss = 0, 0.0
        with torch.no_grad():
            for start in range(0, len(self.labels), _BATCH):
                inputs = torch.from_numpy(np.array(self.inputs[start : start + _BATCH]))
                labels = torch.from_numpy(np.array(self.labels[start : start + _BATCH]))
                scores = self.module(inputs)
                correct += int((scores.argmax(1) == labels).sum())
                loss += float(torch.nn.functional.cross_entropy(scores, labels, reduction="sum"))
        return correct / len(self.labels), loss / len(self.labels)
