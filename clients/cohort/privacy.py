"""What K clients' DP-SGD needs beside their batches: each its own clip norm, expected batch and noise."""

from collections.abc import Sequence

import torch
from torch import Tensor

from clients.batches import noise_of
from clients.jobs import Job
from privacy import sampled_gaussian


class Privacy:
    """The clipping and the noise of K clients, whose noisy sums go to `targets`, each client's own tensors.

    Raises ValueError for a noise multiplier that is not positive. Where fewer than K clients still train, they are the
    first ones.
    """

    def __init__(self, jobs: Sequence[Job], targets: Sequence[Sequence[Tensor]]) -> None:
        steps = [job.private for job in jobs if job.private is not None]
        for own in steps:
            sampled_gaussian.require_noise(own.noise_multiplier)
        self._clip_norms = torch.tensor([[own.clip_norm] for own in steps], dtype=torch.float32)
        self.expected_batches = torch.tensor([job.expected_batch for job in jobs], dtype=torch.float32)
        self._deviations = [own.noise_deviation for own in steps]
        self._sources = [noise_of(job) for job in jobs]
        # One client's noise at a time: it is added while it is still in the core's cache.
        buffers = {target.shape: torch.empty(target.shape) for own in targets for target in own}
        self._targets = [[(buffers[target.shape], target) for target in own] for own in targets]

    def clip_factors(self, squared_norms: Tensor) -> Tensor:
        """What each sample's gradient is multiplied with: float32[k, B] of its squared norm."""
        return sampled_gaussian.clip_factors(squared_norms, self._clip_norms[: len(squared_norms)])

    def add_noise(self, scales: Tensor) -> None:
        """Add the next draw of each of the first k clients times its scale, parameter by parameter as Opacus does."""
        for client, scale in enumerate(scales.tolist()):
            deviation, source = self._deviations[client], self._sources[client]
            for drawn, target in self._targets[client]:
                target.add_(sampled_gaussian.draw_gaussian(drawn, deviation, source), alpha=scale)
