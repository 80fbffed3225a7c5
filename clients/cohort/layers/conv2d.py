"""torch.nn.Conv2d as a matrix product over patches of the image.

Images are [K, B, C, H, W] to the rules around this one, but in memory their channels come last: then the patches are
copied in long runs, one matrix product a client covers all its samples and positions, and torch's pooling is at its
fastest. Other orders in memory give the same numbers, later.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from clients.cohort.layers.gradients import Explicit, Product, SampleGradients
from clients.cohort.layers.rule import Kept, Pair, Rule, Stacked, pair_of

_LONG_RUN = 64
"""As many numbers one after another are copied about as fast as any more are."""


@dataclass(frozen=True)
class Conv2d:
    """The cross-correlation of zero-padded images with O kernels [C, kernel], with `bias` one number added a kernel."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair
    bias: bool

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """[K, B, C, H, W] to [K, B, O, height, width]; keeps the patches [K, B, T, P], T = height * width."""
        clients, samples = inputs.shape[:2]
        height, width = self._positions(inputs)
        patches = self._patches(inputs, height, width).view(clients, samples * height * width, -1)
        weight = _matrices(parameters[0])
        if self.bias:
            outputs = torch.baddbmm(parameters[1].unsqueeze(1), patches, weight.mT)
        else:
            outputs = torch.bmm(patches, weight.mT)
        kept = patches.view(clients, samples, height * width, -1)
        return outputs.view(clients, samples, height, width, -1).permute(0, 1, 4, 2, 3), (kept, inputs)

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """[K, B, O, height, width] to [K, B, C, H, W]: each patch's gradient added where the patch came from."""
        inputs = kept[1]
        clients, samples, channels, tall, wide = inputs.shape
        (down, right), (height, width) = self.padding, gradient.shape[3:]
        rows = torch.bmm(_positions_last(gradient).flatten(1, 2), _matrices(parameters[0]))
        (i, j), (y, x) = self._block(), self.kernel
        patches = rows.view(-1, height, width, y // i, i, x // j, j, channels)
        blocks = -(-(tall + 2 * down) // i), -(-(wide + 2 * right) // j)
        image = patches.new_zeros(clients * samples, blocks[0], i, blocks[1], j, channels)
        for row in range(y // i):
            for column in range(x // j):
                met = image[:, self._met(0, row, height), :, self._met(1, column, width)]
                met.add_(patches[:, :, :, row, :, column].transpose(2, 3))
        pixels = image.view(clients, samples, blocks[0] * i, blocks[1] * j, channels)
        return pixels[:, :, down : down + tall, right : right + wide].permute(0, 1, 4, 2, 3)

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """Of the kernels and, where there is one, of the bias."""
        outputs = _positions_last(gradient)
        weight = _Kernels(Product(outputs, kept[0]))
        return (weight, Explicit(outputs.sum(2))) if self.bias else (weight,)

    def _positions(self, inputs: Tensor) -> Pair:
        """How many places the kernel takes along the height and the width."""
        height, width = (
            (side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
            for side, padding, dilation, kernel, stride in zip(
                inputs.shape[3:], self.padding, self.dilation, self.kernel, self.stride, strict=True
            )
        )
        return height, width

    def _patches(self, inputs: Tensor, height: int, width: int) -> Tensor:
        """What the kernel sees at each position: [K * B, height, width, *kernel, C], contiguous."""
        images = inputs.flatten(0, 1).permute(0, 2, 3, 1).contiguous()
        if any(self.padding):
            down, right = self.padding
            images = torch.nn.functional.pad(images, (0, 0, right, right, down, down))
        if self.dilation[0] == 1 and self.kernel[1] * images.shape[3] < _LONG_RUN:
            return self._patches_of_columns(images, height, width)
        sample, row, column, channel = images.stride()
        steps = self.stride[0] * row, self.stride[1] * column, self.dilation[0] * row, self.dilation[1] * column
        shape = len(images), height, width, *self.kernel, images.shape[3]
        return images.as_strided(shape, (sample, *steps, channel)).contiguous()

    def _patches_of_columns(self, images: Tensor, height: int, width: int) -> Tensor:
        """The same of [N, H, W, C], in two copies: where a kernel's row is short, whole patches are copied faster."""
        sample, row, column, channel = images.stride()
        seen = len(images), width, images.shape[1], self.kernel[1], images.shape[3]
        steps = self.stride[1] * column, row, self.dilation[1] * column
        columns = images.as_strided(seen, (sample, *steps, channel)).contiguous()
        sample, column, row = columns.stride()[:3]
        shape = len(images), height, width, self.kernel[0] * row
        patches = columns.as_strided(shape, (sample, self.stride[0] * row, column, 1)).contiguous()
        return patches.view(len(images), height, width, *self.kernel, images.shape[3])

    def _block(self) -> Pair:
        """How many neighbouring pixels are added at once, in longer runs: a stride where strides fill the kernel."""
        height, width = (
            stride if dilation == 1 and kernel % stride == 0 else 1
            for kernel, stride, dilation in zip(self.kernel, self.stride, self.dilation, strict=True)
        )
        return height, width

    def _met(self, side: int, index: int, positions: int) -> slice:
        """The blocks along a side that meet the kernel's block `index` at its positions."""
        first, step = index * self.dilation[side], self.stride[side] // self._block()[side]
        return slice(first, first + step * (positions - 1) + 1, step)


@dataclass(frozen=True)
class _Kernels:
    """Gradients of matrices [O, kernel * C], whose channels come last, for kernels [O, C, *kernel]."""

    matrices: SampleGradients

    def measured(self) -> tuple[Tensor, SampleGradients]:
        norms, matrices = self.matrices.measured()
        return norms, _Kernels(matrices)

    def weighted(self, weights: Tensor) -> SampleGradients:
        return _Kernels(self.matrices.weighted(weights))

    def add_to(self, target: Tensor) -> None:
        clients, outputs, channels, *kernel = target.shape
        if channels == 1:
            self.matrices.add_to(target.view(clients, outputs, -1))
            return
        summed = target.new_zeros(clients, outputs, *kernel, channels)
        self.matrices.add_to(summed.view(clients, outputs, -1))
        target.add_(summed.permute(0, 1, 4, 2, 3))


def _matrices(kernels: Tensor) -> Tensor:
    """[K, O, C, *kernel] as [K, O, kernel * C]: small beside the images, so a copy costs little."""
    return kernels.permute(0, 1, 3, 4, 2).flatten(2)


def _positions_last(gradient: Tensor) -> Tensor:
    """[K, B, O, height, width] as [K, B, T, O]; no copy where the channels come last in memory."""
    return gradient.permute(0, 1, 3, 4, 2).flatten(2, 3).contiguous()


def rule_of(module: torch.nn.Conv2d) -> Rule | None:
    """The rule of this layer, or None for grouped kernels, padding by name or padding with anything but zeros."""
    if module.groups != 1 or module.padding_mode != "zeros" or isinstance(module.padding, str):
        return None
    return Conv2d(
        pair_of(module.kernel_size),
        pair_of(module.stride),
        pair_of(module.padding),
        pair_of(module.dilation),
        module.bias is not None,
    )
