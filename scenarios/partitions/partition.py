"""What partitions have in common: the refusals, and how pieces become shares."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from privacy.errors import ScenarioError

Indices = npt.NDArray[np.int64]


def require_enough_records(records: int, clients: int) -> None:
    """Raise ScenarioError where some client could not have a single record."""
    if clients > records:
        raise ScenarioError(
            [f"federation.clients: {clients} clients cannot share {records} training records; at most {records} can"]
        )


def shares_of(owners: Indices, clients: int) -> list[Indices]:
    """Sorted indices per client of int64[n], the owner of each record."""
    return [np.flatnonzero(owners == client).astype(np.int64) for client in range(clients)]


def joined(pieces: Sequence[Sequence[Indices]]) -> list[Indices]:
    """Sorted indices per client of the pieces each client was dealt."""
    return [np.sort(np.concatenate(own)) if own else np.empty(0, np.int64) for own in pieces]
