"""Every client sees only a few classes (McMahan et al. 2017, arXiv 1602.05629, section 3)."""

from typing import Literal

import numpy as np
from pydantic import Field

from privacy.errors import ScenarioError
from privacy.parameters import Parameters
from scenarios.partitions.partition import Indices, joined, require_enough_records


class Pathological(Parameters):
    """`partition = { kind = "pathological", classes_per_client = 2 }`."""

    kind: Literal["pathological"] = "pathological"
    classes_per_client: int = Field(ge=1)
    """How many classes each client sees."""

    def assign(self, labels: Indices, groups: Indices | None, clients: int, rng: np.random.Generator) -> list[Indices]:
        """Sorted indices per client: disjoint, complete, none empty, each of exactly `classes_per_client` classes.

        A class is shared evenly among the clients that see it. Raises ScenarioError where the classes do not go round.
        """
        require_enough_records(len(labels), clients)
        present, index = np.unique(labels, return_inverse=True)
        seen = _deal(len(present), self.classes_per_client, clients, rng)
        pieces: list[list[Indices]] = [[] for _ in range(clients)]
        for label in range(len(present)):
            takers = np.flatnonzero(seen[:, label])
            members = rng.permutation(np.flatnonzero(index == label))
            if len(members) < len(takers):
                raise ScenarioError(
                    [
                        f"data.partition.classes_per_client: class {present[label]} has {len(members)} training "
                        f"records for {len(takers)} clients; use fewer clients or fewer classes per client"
                    ]
                )
            for client, piece in zip(takers, np.array_split(members, len(takers)), strict=True):
                pieces[client].append(piece)
        return joined(pieces)


def _deal(
    classes: int, per_client: int, clients: int, rng: np.random.Generator
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """bool[clients, classes]: who sees what. Each client takes the classes seen least so far, ties broken at random."""
    if per_client > classes:
        raise ScenarioError(
            [f"data.partition.classes_per_client: {per_client} is more than the {classes} classes of the data set"]
        )
    if per_client * clients < classes:
        raise ScenarioError(
            [
                f"data.partition.classes_per_client: {clients} clients with {per_client} classes each cannot hold all "
                f"{classes} classes; at least {-(-classes // clients)} per client are needed"
            ]
        )
    seen = np.zeros((clients, classes), dtype=np.bool_)
    for client in range(clients):
        seen[client, np.lexsort((rng.random(classes), seen.sum(axis=0)))[:per_client]] = True
    return seen
