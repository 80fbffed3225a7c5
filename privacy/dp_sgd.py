"""DP-SGD on one client with Opacus: Poisson batches, per-record clipping, Gaussian noise, and the charge for it.

**Guarantee.** The trained parameters of `steps` steps are those of the Poisson-sampled Gaussian mechanism, as often as
there are steps, with the plan's noise multiplier and, for each record, its own sampling rate: what that costs is
`privacy.accounting`'s. It holds for one record of this client, add-or-remove, against anyone who sees the update,
whatever they know beside it; with seeded noise only against those who do not know the seed.

Source: Abadi et al. 2016, arXiv 1607.00133, algorithm 1. Batches are normalised by their expected size, so an empty
batch is a step of pure noise and is never skipped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from opacus import GradSampleModule
from opacus.optimizers import DPOptimizer
from opacus.utils.uniform_sampler import UniformWithReplacementSampler

from privacy.noise import NoiseSource, require_noise
from privacy.sampled_gaussian import draw_gaussian
from privacy.steps import PrivateSteps

Losses = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""(logits [b, classes], labels int64[b], which records these are int64[b]) to each record's own loss, float32[b]."""


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor, records: torch.Tensor) -> torch.Tensor:
    """Each record's cross-entropy, float32[b]."""
    return torch.nn.functional.cross_entropy(logits, labels, reduction="none")


@dataclass(frozen=True)
class Method:
    """What a method of training makes different from one mini-batch of equals after another.

    A record's loss in `losses` may depend on no other record, or clipping would not bound what one can change.
    `rates` float32[n] are the records' own sampling rates instead of the plan's one, `expected_batch` is then what
    the noisy sum is divided by: a public constant, or else it would tell how many records there are. `adjust` changes
    the gradients of a step in place after clipping, noise and scaling: post-processing, if it knows nothing of the
    records but what is public.
    """

    rates: torch.Tensor | None = None
    expected_batch: float | None = None
    adjust: Callable[[], None] | None = None
    losses: Losses = cross_entropy


def train(
    module: torch.nn.Module,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    plan: PrivateSteps,
    sampling: torch.Generator,
    noise: NoiseSource,
    method: Method = Method(),
) -> None:
    """Train `module` in place on float32[n, ...] and int64[n].

    Raises ValueError for a noise multiplier that is not positive: no privacy is never called DP-SGD.
    """
    require_noise(plan.noise_multiplier)
    expected_batch = plan.sampling_rate * len(inputs) if method.expected_batch is None else method.expected_batch
    # Summed losses make an empty batch an ordinary step; the optimiser divides by the expected batch size.
    private = GradSampleModule(module, loss_reduction="sum")
    optimizer = _optimizer(module, plan, expected_batch, noise)
    if method.adjust is not None:
        adjust = method.adjust
        optimizer.attach_step_hook(lambda _: adjust())
    sampler = UniformWithReplacementSampler(
        num_samples=len(inputs),
        # Opacus compares a coin a record with the rate: as many rates serve as well as one.
        sample_rate=plan.sampling_rate if method.rates is None else method.rates,
        generator=sampling,
        steps=plan.steps,
    )
    for batch in sampler:
        chosen = torch.tensor(batch, dtype=torch.int64)
        optimizer.zero_grad()
        loss = method.losses(private(inputs[chosen]), labels[chosen], chosen).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    private.to_standard_module()


def _optimizer(module: torch.nn.Module, plan: PrivateSteps, expected_batch: float, noise: NoiseSource) -> "_Optimizer":
    sgd = torch.optim.SGD(module.parameters(), lr=plan.learning_rate, momentum=plan.momentum)
    optimizer = _Optimizer(
        sgd,
        noise_multiplier=plan.noise_multiplier,
        max_grad_norm=plan.clip_norm,
        expected_batch_size=cast(int, expected_batch),
    )
    optimizer.noise = noise
    return optimizer


class _Optimizer(DPOptimizer):  # type: ignore[misc]
    """Opacus' optimiser, but with noise from our source, and a record whose gradient is not finite counts for nothing.

    Opacus would clip it to NaN, and an update of NaN gives away that the record is there.
    """

    noise: NoiseSource

    def clip_and_accumulate(self) -> None:
        """Clip and sum what can be clipped."""
        norms = torch.stack([sample.flatten(1).norm(2, dim=1) for sample in self.grad_samples]).norm(2, dim=0)
        unbounded = ~torch.isfinite(norms.square())
        if unbounded.any():
            for parameter in self.params:
                parameter.grad_sample[unbounded] = 0.0
        super().clip_and_accumulate()

    def add_noise(self) -> None:
        """Add noise of standard deviation noise_multiplier * max_grad_norm to each clipped sum."""
        for parameter in self.params:
            drawn = draw_gaussian(torch.empty(parameter.shape), self.noise_multiplier * self.max_grad_norm, self.noise)
            parameter.grad = parameter.summed_grad.view_as(parameter) + drawn
