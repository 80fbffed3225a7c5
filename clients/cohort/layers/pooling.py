"""torch.nn.MaxPool2d and torch.nn.AvgPool2d: torch's own kernels, for which clients are only more images."""

from dataclasses import dataclass

import torch
from torch import Tensor

from clients.cohort.layers.gradients import SampleGradients
from clients.cohort.layers.rule import Kept, Pair, Rule, Stacked, pair_of


@dataclass(frozen=True)
class MaxPool2d:
    """The largest value in each window; of equal ones the first takes the gradient."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    ceil: bool

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """[K, B, C, H, W] to [K, B, C, height, width]; keeps where in its image each largest value is."""
        images = inputs.flatten(0, 1)
        settings = self.kernel, self.stride, self.padding, self.dilation, self.ceil
        outputs, places = torch.ops.aten.max_pool2d_with_indices(images, *settings)
        return _stacked(outputs, inputs), (inputs, places)

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """[K, B, C, height, width] to [K, B, C, H, W]."""
        inputs, places = kept
        settings = self.kernel, self.stride, self.padding, self.dilation, self.ceil
        found = torch.ops.aten.max_pool2d_with_indices_backward(
            gradient.flatten(0, 1), inputs.flatten(0, 1), *settings, places
        )
        return _stacked(found, inputs)

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """None: there are no parameters."""
        return ()


@dataclass(frozen=True)
class AvgPool2d:
    """The mean of each window; `counted` says whether padding counts as values."""

    kernel: Pair
    stride: Pair
    padding: Pair
    ceil: bool
    counted: bool
    divisor: int | None

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """[K, B, C, H, W] to [K, B, C, height, width]."""
        settings = self.kernel, self.stride, self.padding, self.ceil, self.counted, self.divisor
        outputs = torch.nn.functional.avg_pool2d(inputs.flatten(0, 1), *settings)
        return _stacked(outputs, inputs), (inputs,)

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """[K, B, C, height, width] to [K, B, C, H, W]."""
        (inputs,) = kept
        settings = self.kernel, self.stride, self.padding, self.ceil, self.counted, self.divisor
        found = torch.ops.aten.avg_pool2d_backward(gradient.flatten(0, 1), inputs.flatten(0, 1), *settings)
        return _stacked(found, inputs)

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """None: there are no parameters."""
        return ()


def max_rule_of(module: torch.nn.MaxPool2d) -> Rule | None:
    """The rule of this layer, or None where it would return the places too."""
    if module.return_indices:
        return None
    sizes = pair_of(module.kernel_size), pair_of(module.stride), pair_of(module.padding), pair_of(module.dilation)
    return MaxPool2d(*sizes, module.ceil_mode)


def average_rule_of(module: torch.nn.AvgPool2d) -> Rule | None:
    """The rule of this layer."""
    sizes = pair_of(module.kernel_size), pair_of(module.stride), pair_of(module.padding)
    return AvgPool2d(*sizes, module.ceil_mode, module.count_include_pad, module.divisor_override)


def _stacked(images: Tensor, like: Tensor) -> Tensor:
    """[K * B, C, height, width] as [K, B, C, height, width] of `like`, [K, B, ...], without a copy."""
    clients, samples = like.shape[:2]
    sample, *inner = images.stride()
    return images.as_strided((clients, samples, *images.shape[1:]), (samples * sample, sample, *inner))
