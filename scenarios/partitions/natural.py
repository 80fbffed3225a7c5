"""Every client is one of the data's own groups by one of its keys: a hospital, a person, a site."""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from privacy.errors import ScenarioError
from privacy.parameters import Parameters
from scenarios.datasets.dataset import Key
from scenarios.partitions.partition import Indices, shares_of


class Natural(Parameters):
    """`partition = { kind = "natural", by = "hospital" }`; client k is the key's name k."""

    kind: Literal["natural"] = "natural"
    by: str = ""
    """One of the data set's keys; empty, its first."""

    def key(self, keys: Mapping[str, Key]) -> Key | None:
        """The key that the partition goes by; None where the data set has none and none is named.

        Raises ScenarioError for a name that is not there.
        """
        if not self.by:
            return next(iter(keys.values()), None)
        if self.by not in keys:
            listed = ", ".join(f'"{name}"' for name in keys) or "none"
            raise ScenarioError([f'data.partition.by: the data set has no key "{self.by}"; its keys are {listed}'])
        return keys[self.by]

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
