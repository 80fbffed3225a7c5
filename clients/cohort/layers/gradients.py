"""Per-sample gradients of one parameter, in the form in which their norms and weighted sums are cheapest.

Everything is stacked: K clients, B samples each. Sources: Goodfellow 2015, arXiv 1510.01799 (norms of a product from
its factors); Li et al. 2022, arXiv 2110.05679 (the same over T positions, "ghost" norms); Bu et al. 2022,
arXiv 2210.00038 (kept factors instead of a second backward pass, and the choice by cost).
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class SampleGradients(Protocol):
    """The gradients of K * B samples' losses with respect to one parameter, [K, B, *shape], seldom written out."""

    def measured(self) -> "tuple[Tensor, SampleGradients]":
        """Squared norms [K, B], and the same gradients in the form in which they are then best summed."""
        ...

    def weighted(self, weights: Tensor) -> "SampleGradients":
        """Each sample's gradient times its weight, [K, B]."""
        ...

    def add_to(self, target: Tensor) -> None:
        """Add each client's sum over its samples to `target`, [K, *shape], in place."""
        ...


@dataclass(frozen=True)
class Explicit:
    """Gradients written out: `values` [K, B, *shape]."""

    values: Tensor

    def measured(self) -> tuple[Tensor, SampleGradients]:
        """Squared norms, and itself."""
        return _squared_norms(self.values.flatten(2)), self

    def weighted(self, weights: Tensor) -> SampleGradients:
        """Kept as weights, so that weighting and summing are one matrix product."""
        return _Weighted(self.values, weights)

    def add_to(self, target: Tensor) -> None:
        """Sum over the samples."""
        target.add_(self.values.sum(1))


@dataclass(frozen=True)
class _Weighted:
    values: Tensor
    weights: Tensor

    def measured(self) -> tuple[Tensor, SampleGradients]:
        return Explicit(self.values).measured()[0] * self.weights.square(), self

    def weighted(self, weights: Tensor) -> SampleGradients:
        return _Weighted(self.values, self.weights * weights)

    def add_to(self, target: Tensor) -> None:
        summed = torch.bmm(self.weights.unsqueeze(1), self.values.flatten(2))
        target.add_(summed.view_as(target))


@dataclass(frozen=True)
class Product:
    """The gradients of a matrix W [O, P] in y = x W^T: sum over T positions of outer products.

    `outputs` [K, B, T, O] are the gradients of y, `inputs` [K, B, T, P] the x.
    """

    outputs: Tensor
    inputs: Tensor

    def measured(self) -> tuple[Tensor, SampleGradients]:
        """Squared norms from the factors where that is cheaper than writing the gradients out."""
        clients, samples, positions, height = self.outputs.shape
        width = self.inputs.shape[3]
        if positions == 1:
            return (_squared_norms(self.outputs) * _squared_norms(self.inputs)).squeeze(2), self
        outputs, inputs = self.outputs.flatten(0, 1), self.inputs.flatten(0, 1)
        # Multiplications for the T x T products of both factors, in float64 at twice the price, against those for the
        # norm and the weighted sum of written-out gradients; both also pay T * O * P once, for the sum or for writing.
        if positions**2 * (height + width) < height * width:
            return _pairwise(outputs, inputs).view(clients, samples), self
        return Explicit(torch.bmm(outputs.mT, inputs).view(clients, samples, height, width)).measured()

    def weighted(self, weights: Tensor) -> SampleGradients:
        """The smaller factor weighted."""
        return Product(self.outputs * weights[:, :, None, None], self.inputs)

    def add_to(self, target: Tensor) -> None:
        """One matrix product a client over all its samples and positions, straight into the target."""
        target.baddbmm_(self.outputs.flatten(1, 2).mT, self.inputs.flatten(1, 2))


def _pairwise(outputs: Tensor, inputs: Tensor) -> Tensor:
    """Squared norms [N] of sums of T outer products, from the scalar products of all pairs of positions.

    Pairs may cancel almost entirely. In float32 what is left could be far too small, and a gradient would keep more
    than the clip norm; float64 leaves room for factors of 10^7.
    """
    left, right = outputs.double(), inputs.double()
    gram = torch.bmm(left, left.mT).mul_(torch.bmm(right, right.mT))
    return gram.sum((1, 2)).clamp_(min=0.0).to(outputs.dtype)


def _squared_norms(vectors: Tensor) -> Tensor:
    """Of the last dimension. torch takes a norm in one pass, without writing the squares."""
    norms: Tensor = torch.linalg.vector_norm(vectors, dim=-1)
    return norms.square()
