"""Clients differ in how much they hold, not in what: sizes drawn from a Dirichlet distribution, records at random."""

from typing import Literal

import numpy as np
from pydantic import Field

from privacy.parameters import Parameters
from scenarios.partitions.partition import Indices, joined, require_enough_records


class Quantity(Parameters):
    """`partition = { kind = "quantity", alpha = 1.0 }`: small alpha, very unequal; large alpha, nearly equal."""

    kind: Literal["quantity"] = "quantity"
    alpha: float = Field(gt=0)
    """The concentration: small, very unequal sizes; large, nearly equal ones."""

    def assign(self, labels: Indices, groups: Indices | None, clients: int, rng: np.random.Generator) -> list[Indices]:
        """Sorted indices per client: disjoint, complete, none empty (each has one record before sizes are drawn)."""
        require_enough_records(len(labels), clients)
        proportions = rng.dirichlet(np.full(clients, self.alpha))
        beyond_one = (np.cumsum(proportions)[:-1] * (len(labels) - clients)).astype(np.int64)
        bounds = beyond_one + np.arange(1, clients)
        return joined([[piece] for piece in np.split(rng.permutation(len(labels)), bounds)])
