"""What K clients' DP-SGD needs beside their batches: each its own clip norm, expected batch and noise."""

import numpy as np
import torch
from torch import Tensor

from clients.cohort.cohort import Cohort
from clients.cohort.network import Network
from clients.cohort.rows import Places
from clients.cohort.stacks import Stack, cut
from privacy import sampled_gaussian
from privacy.noise import NoiseSource, require_noise

_KEPT = 2**20
"""How many numbers of noise are drawn ahead, if that is more than one step's."""


class Privacy:
    """The clipping and the noise of a cohort, whose noisy sums go to `targets`, [K, *shape] a parameter of `network`.

    Raises ValueError for a noise multiplier that is not positive.
    """

    def __init__(self, network: Network, cohort: Cohort, targets: Stack) -> None:
        steps = [job.private for job in cohort.jobs if job.private is not None]
        for own in steps:
            require_noise(own.noise_multiplier)
        self._clip_norms = torch.tensor([[own.clip_norm] for own in steps], dtype=torch.float32)
        self.expected_batches = torch.tensor([job.expected_batch for job in cohort.jobs], dtype=torch.float32)
        self._deviations = torch.tensor([own.noise_deviation for own in steps], dtype=torch.float32)
        self._network, self._cohort, self._targets = network, cohort, targets
        self._steps = [own.steps for own in steps]
        ahead = max(1, _KEPT // (len(steps) * network.size))
        self._drawn = torch.zeros(len(steps), min(ahead, max(self._steps)), network.size)
        self._step = 0

    def clip_factors(self, squared_norms: Tensor, clients: Places) -> Tensor:
        """What each sample's gradient of these k clients is multiplied with: float32[k, B] of its squared norm."""
        return sampled_gaussian.clip_factors(squared_norms, self._clip_norms[clients])

    def add_noise(self, scales: Tensor) -> None:
        """Add the next draw of each of the first k clients times its scale."""
        clients, place = len(scales), self._step % self._drawn.shape[1]
        if not place:
            self._draw()
        amounts = scales * self._deviations[:clients]
        for drawn, target in zip(cut(self._network, self._drawn[:clients, place]), self._targets, strict=True):
            target[:clients].addcmul_(drawn, amounts.view(-1, *[1] * (target.dim() - 1)))
        self._step += 1

    def _draw(self) -> None:
        """The noise of the next steps, as far as there are any: each client's in one go from its own source."""
        widths, widest = self._cohort.widths, self._network.shapes[0][-1]
        for client, (source, steps) in enumerate(zip(self._cohort.noise, self._steps, strict=True)):
            drawn = self._drawn[client, : max(0, steps - self._step)]
            if not len(drawn):
                continue  # it has taken its last step
            if widths is None or widths[client] == widest:
                source.fill(drawn.view(-1).numpy())
            else:
                self._draw_narrow(source, drawn, widths[client])

    def _draw_narrow(self, source: NoiseSource, drawn: Tensor, width: int) -> None:
        """Only for so many inputs of the first layer; the zeros of the others stay."""
        outputs, widest = self._network.shapes[0]
        all_first, first = outputs * widest, outputs * width
        numbers = np.empty(len(drawn) * (drawn.shape[1] - all_first + first), np.float32)
        own = torch.from_numpy(source.fill(numbers)).view(len(drawn), -1)
        drawn[:, :all_first].view(-1, outputs, widest)[:, :, :width] = own[:, :first].view(-1, outputs, width)
        drawn[:, all_first:] = own[:, first:]
