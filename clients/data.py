"""A client's own records, as the features its model takes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scenarios.records import features_of, records_of
from scenarios.schema import Scenario


@dataclass(frozen=True)
class Share:
    """One client's records: features float32[n, ...], labels int64[n], and the number of classes there are."""

    inputs: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    classes: int


def share(scenario: Scenario, client: int) -> Share:
    """The records of one client. The whole data set's features are resident once a process."""
    records = records_of(scenario)
    indices = records.division.train[client]
    return Share(features_of(scenario)[indices], records.dataset.labels[indices], len(records.dataset.classes))
