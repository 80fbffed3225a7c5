"""Every client is one of the data's own groups: a hospital, a person, a site."""

from typing import Literal

import numpy as np

from privacy.errors import ScenarioError
from privacy.parameters import Parameters
from scenarios.partitions.partition import Indices, shares_of


class Natural(Parameters):
    """`partition = { kind = "natural", by = "group" }`; client k is group k."""

    kind: Literal["natural"] = "natural"
    by: Literal["group"] = "group"

    def assign(self, labels: Indices, groups: Indices | None, clients: int, rng: np.random.Generator) -> list[Indices]:
        """Sorted indices per client: disjoint, complete, none empty.

        Raises ScenarioError for data without groups, or with another number of groups than clients.
        """
        if groups is None:
            raise ScenarioError(
                [
                    'data.partition: "natural" needs groups, and this data set has none; '
                    'use "iid", "dirichlet", "pathological" or "quantity"'
                ]
            )
        present = len(np.unique(groups))
        if present != clients or groups.max() != clients - 1:
            raise ScenarioError(
                [
                    f"federation.clients: a natural partition has one client for each of the {present} groups with "
                    f"training records, not {clients}"
                ]
            )
        return shares_of(groups, clients)
