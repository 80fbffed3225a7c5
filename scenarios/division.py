"""Which record is whose: a global test set, and a share of the rest for every client."""

from dataclasses import dataclass

import numpy as np

from privacy.errors import ScenarioError
from scenarios.datasets.dataset import Dataset, Labels
from scenarios.partitions import AnyPartition, Natural
from scenarios.seeds import stream


@dataclass(frozen=True)
class Division:
    """Sorted indices into a data set: `train` for each client, `test` for the server. They share no record."""

    train: tuple[Labels, ...]
    test: Labels


def divide(dataset: Dataset, partition: AnyPartition, test_fraction: float, seed: int, clients: int) -> Division:
    """Set `test_fraction` of the records aside at random, then share out the rest.

    The test set is one for all clients, over all groups, and does not depend on the partition. Raises ScenarioError
    where either side would be empty or the partition cannot be made.
    """
    records = len(dataset)
    held_out = round(records * test_fraction)
    if not 0 < held_out < records:
        raise ScenarioError(
            [f"data.test_fraction: {test_fraction:g} of {records} records leaves nothing to test on or to train on"]
        )
    order = stream(seed, "data", "test").permutation(records)
    test, train = np.sort(order[:held_out]), np.sort(order[held_out:])
    key = partition.key(dataset.keys) if isinstance(partition, Natural) else None
    groups = key.values[train] if key is not None else None
    shares = partition.assign(dataset.labels[train], groups, clients, stream(seed, "data", "partition"))
    return Division(tuple(train[share] for share in shares), test)
