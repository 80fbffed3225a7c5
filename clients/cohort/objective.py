"""What the steps of K clients descend: their losses, and the gradients of these by the network's passes."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from clients.cohort.distillation import Distillation
from clients.cohort.layers.gradients import SampleGradients
from clients.cohort.network import Network
from clients.cohort.rows import Rows
from clients.cohort.stacks import Stack
from clients.jobs import Job


class Objective:
    """The loss of each sample of K clients, who agree on its form."""

    def __init__(self, network: Network, jobs: Sequence[Job]) -> None:
        self._network = network
        masks = [job.allowed for job in jobs if job.allowed is not None]
        self._forbidden = torch.from_numpy(~np.stack(masks)).unsqueeze(1) if masks else None
        self._distillation = None if jobs[0].teacher is None else Distillation(network, jobs)

    def gradients(self, parameters: Stack, rows: Rows, weights: Tensor | None = None) -> list[SampleGradients]:
        """The gradient of each sample's loss, times its weight [K, B] where there are weights, by every parameter."""
        logits, kept = self._network.forward(parameters, rows.inputs)
        gradient = self._cross_entropy_gradient(logits, rows)
        if self._distillation is not None:
            self._distillation.add_to(gradient, logits, rows)
        if weights is not None:
            gradient.mul_(weights.unsqueeze(2))
        return self._network.gradients(parameters, kept, gradient)

    def mean_gradients(self, parameters: Stack, rows: Rows, scale: float) -> list[SampleGradients]:
        """Those of the mean loss of each client's batch, times `scale`."""
        return self.gradients(parameters, rows, rows.present * (scale / rows.present.sum(1, keepdim=True)))

    def _cross_entropy_gradient(self, logits: Tensor, rows: Rows) -> Tensor:
        """Over the classes that no mask forbids.

        Padding may have a forbidden label; its gradient is finite all the same, and counts for nothing.
        """
        if self._forbidden is None:
            return _cross_entropy_gradient(logits, rows.labels)
        return _cross_entropy_gradient(logits.masked_fill(self._forbidden[rows.clients], -math.inf), rows.labels)


def _cross_entropy_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    """softmax - onehot, [K, B, classes], of logits of that shape and labels int64[K, B]."""
    gradient = torch.softmax(logits, dim=2)
    return gradient.scatter_add_(2, labels.unsqueeze(2), gradient.new_full((1, 1, 1), -1.0).expand(*labels.shape, 1))
