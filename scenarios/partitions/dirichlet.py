"""Clients differ in their classes: each class is shared out by proportions drawn from a Dirichlet distribution.

Source: Yurochkin et al. 2019, arXiv 1905.12022, with the balancing of its code, as in flwr-datasets: a client that
already holds more than the average takes no part in the next class.
"""

from typing import Literal

import numpy as np
from pydantic import Field

from privacy.errors import ScenarioError
from privacy.parameters import Parameters
from scenarios.partitions.partition import Indices, joined, require_enough_records

_DRAWS = 100


class Dirichlet(Parameters):
    """`partition = { kind = "dirichlet", alpha = 0.3 }`: small alpha, few classes a client; large alpha, nearly iid."""

    kind: Literal["dirichlet"] = "dirichlet"
    alpha: float = Field(gt=0)
    """The concentration: small, few classes a client; large, nearly iid."""

    def assign(self, labels: Indices, groups: Indices | None, clients: int, rng: np.random.Generator) -> list[Indices]:
        """Sorted indices per client: disjoint, complete, none empty.

        Draws again while some client is left with nothing; raises ScenarioError where 100 draws do not help.
        """
        require_enough_records(len(labels), clients)
        for _ in range(_DRAWS):
            shares = _draw(labels, self.alpha, clients, rng)
            if shares is not None and min(map(len, shares)) > 0:
                return shares
        raise ScenarioError(
            [
                f"data.partition.alpha: with {self.alpha:g}, {_DRAWS} draws each left one of the {clients} clients "
                f"without any of the {len(labels)} training records; use a larger alpha or fewer clients"
            ]
        )


def _draw(labels: Indices, alpha: float, clients: int, rng: np.random.Generator) -> list[Indices] | None:
    average = len(labels) / clients
    pieces: list[list[Indices]] = [[] for _ in range(clients)]
    held = np.zeros(clients)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        proportions = np.where(held > average, 0.0, rng.dirichlet(np.full(clients, alpha)))
        total = proportions.sum()
        if not total > 0:  # a tiny alpha gave everything to a client that takes no part
            return None
        bounds = (np.cumsum(proportions / total)[:-1] * len(members)).astype(np.int64)
        for client, piece in enumerate(np.split(members, bounds)):
            pieces[client].append(piece)
            held[client] += len(piece)
    return joined(pieces)
