"""A client's own records among those of the whole data set, as the features its model takes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scenarios.records import features_of, records_of
from scenarios.schema import Scenario


@dataclass(frozen=True)
class Share:
    """The whole data set, features float32[N, ...] and labels int64[N], resident once a process, and which are ours.

    `records` int64[n] are one client's; `classes` says how many classes there are.
    """

    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    records: npt.NDArray[np.int64]
    classes: int


def share(scenario: Scenario, client: int) -> Share:
    """The records of one client, without a copy."""
    records = records_of(scenario)
    labels, classes = records.dataset.labels, len(records.dataset.classes)
    return Share(features_of(scenario), labels, records.division.train[client], classes)
