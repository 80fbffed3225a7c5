"""What K clients' DP-SGD needs beside their batches: each its own clip norm, expected batch and noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from clients.batches import noise_of
from clients.jobs import Job
from privacy import sampled_gaussian
from privacy.steps import PrivateSteps


@dataclass(frozen=True)
class Privacy:
    """`clip_norms` and `scales` (1 / expected batch) are float32[K]; noise is sigma * C from each client's own source.

    Clients beyond the first k, where fewer than K still train, are left out.
    """

    clip_norms: Tensor
    scales: Tensor
    standard_deviations: tuple[float, ...]
    sources: tuple[torch.Generator | None, ...]

    @staticmethod
    def of(jobs: Sequence[Job]) -> "Privacy":
        """Raises ValueError for a noise multiplier that is not positive."""
        steps = [job.private for job in jobs if job.private is not None]
        for own in steps:
            sampled_gaussian.require_noise(own.noise_multiplier)
        expected = [own.sampling_rate * len(job.records) for own, job in zip(steps, jobs, strict=True)]
        return Privacy(
            clip_norms=torch.tensor([own.clip_norm for own in steps], dtype=torch.float32),
            scales=1.0 / torch.tensor(expected, dtype=torch.float32),
            standard_deviations=tuple(_standard_deviation(own) for own in steps),
            sources=tuple(noise_of(job) for job in jobs),
        )

    def clip_factors(self, squared_norms: Tensor) -> Tensor:
        """What each sample's gradient is multiplied with: float32[k, B] of its squared norm."""
        return sampled_gaussian.clip_factors(squared_norms, self.clip_norms[: len(squared_norms)].unsqueeze(1))

    def add_noise(self, targets: Sequence[Tensor], scales: Tensor) -> None:
        """Add each client's next draw times its scale, parameter by parameter as Opacus draws them, in place."""
        buffers = [torch.empty(target.shape[1:]) for target in targets]
        for client, scale in enumerate(scales.tolist()):
            deviation, source = self.standard_deviations[client], self.sources[client]
            for target, buffer in zip(targets, buffers, strict=True):
                drawn = sampled_gaussian.draw_gaussian(buffer, deviation, source)
                target[client].add_(drawn, alpha=scale)


def _standard_deviation(steps: PrivateSteps) -> float:
    return steps.noise_multiplier * steps.clip_norm
