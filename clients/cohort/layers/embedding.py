"""torch.nn.Embedding: rows of a table, looked up by index."""

from dataclasses import dataclass

import torch
from torch import Tensor

from clients.cohort.layers.gradients import SampleGradients
from clients.cohort.layers.rule import Kept, Rule, Stacked


class Embedding:
    """One row of the table [V, D] for each index."""

    def forward(self, parameters: Stacked, inputs: Tensor) -> tuple[Tensor, Kept]:
        """Indices [K, B, ...] to [K, B, ..., D]."""
        indices = inputs.long()
        (table,) = parameters
        rows = table.flatten(0, 1).index_select(0, _in_all_tables(indices, table.shape[1]).flatten())
        return rows.view(*indices.shape, table.shape[2]), (indices,)

    def backward(self, parameters: Stacked, kept: Kept, gradient: Tensor) -> Tensor:
        """Indices have no gradient."""
        raise TypeError("an embedding must be the first layer: there is no gradient of an index")

    def gradients(self, kept: Kept, gradient: Tensor) -> tuple[SampleGradients, ...]:
        """Of the table."""
        indices = kept[0].flatten(2) if kept[0].dim() > 2 else kept[0].unsqueeze(2)
        return (_Rows(indices, gradient.reshape(*indices.shape, -1)),)


@dataclass(frozen=True)
class _Rows:
    """Gradients of the rows `indices` [K, B, T]: `values` [K, B, T, D], added where an index repeats."""

    indices: Tensor
    values: Tensor

    def measured(self) -> tuple[Tensor, SampleGradients]:
        """Rows of the same index are one row of the gradient: the sum over pairs of positions that share an index."""
        same = self.indices.unsqueeze(3) == self.indices.unsqueeze(2)
        values = self.values.double()  # pairs may cancel, as in gradients._pairwise
        squared_norms = (torch.matmul(values, values.mT) * same).sum((2, 3)).clamp_(min=0.0)
        return squared_norms.to(self.values.dtype), self

    def weighted(self, weights: Tensor) -> SampleGradients:
        return _Rows(self.indices, self.values * weights[:, :, None, None])

    def add_to(self, target: Tensor) -> None:
        rows = _in_all_tables(self.indices, target.shape[1]).flatten()
        target.view(-1, target.shape[2]).index_add_(0, rows, self.values.reshape(len(rows), -1))


def _in_all_tables(indices: Tensor, size: int) -> Tensor:
    """Each client's indices [K, ...] in the K tables of `size` rows laid one after another."""
    first = torch.arange(len(indices)).mul_(size)
    return indices + first.view(-1, *(1,) * (indices.dim() - 1))


def rule_of(module: torch.nn.Embedding) -> Rule | None:
    """The rule of this layer, or None where rows are renormalised, left out or weighted by how often they occur."""
    special = module.padding_idx is not None or module.max_norm is not None
    return None if special or module.scale_grad_by_freq or module.sparse else Embedding()
