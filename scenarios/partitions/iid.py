"""Every client gets a random sample of the same size (to one record)."""

from typing import Literal

import numpy as np

from privacy.parameters import Parameters
from scenarios.partitions.partition import Indices, joined, require_enough_records


class Iid(Parameters):
    """`partition = { kind = "iid" }`."""

    kind: Literal["iid"] = "iid"

    def assign(self, labels: Indices, groups: Indices | None, clients: int, rng: np.random.Generator) -> list[Indices]:
        """Sorted indices per client: disjoint, complete, none empty."""
        require_enough_records(len(labels), clients)
        return joined([[piece] for piece in np.array_split(rng.permutation(len(labels)), clients)])
