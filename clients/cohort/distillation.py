"""Learning without forgetting: what K clients' losses have beside the cross-entropy, from a teacher's answers."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from clients.cohort.network import Network
from clients.cohort.rows import Places, Rows
from clients.cohort.stacks import cut, stacked
from clients.jobs import Job


class Distillation:
    """The gradient of strength * T^2 * KL(teacher || student) of each sample of K clients, who all have a teacher.

    Teachers that are one array are in memory once.
    """

    def __init__(self, network: Network, jobs: Sequence[Job]) -> None:
        teachers = [job.teacher for job in jobs if job.teacher is not None]
        self._network = network
        self._parameters = cut(network, stacked([teacher.parameters for teacher in teachers]))
        self._temperatures = _numbers([teacher.temperature for teacher in teachers])
        # T^2 of the loss, over T of the logits' derivative.
        self._factors = _numbers([teacher.strength * teacher.temperature for teacher in teachers])
        self._untaught = torch.from_numpy(~np.stack([job.taught_classes for job in jobs])).unsqueeze(1)

    def add_to(self, gradient: Tensor, logits: Tensor, rows: Rows) -> None:
        """Add it to the gradient at the student's logits, [K, B, classes] both, for the samples of these rows.

        The teacher answers anew at each step, beside the student: no answers are kept, and no bit depends on who shares
        a teacher.
        """
        clients = rows.clients
        taught, _ = self._network.forward([values[clients] for values in self._parameters], rows.inputs)
        missed = self._softmax(logits, clients).sub_(self._softmax(taught, clients))
        gradient.addcmul_(missed, self._factors[clients])

    def _softmax(self, logits: Tensor, clients: Places) -> Tensor:
        """Of the taught classes' logits over the temperature; the other classes have no share."""
        tempered = (logits / self._temperatures[clients]).masked_fill_(self._untaught[clients], -math.inf)
        return torch.softmax(tempered, dim=2)


def _numbers(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)
