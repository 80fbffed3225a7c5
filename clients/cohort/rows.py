"""One step's batches of K clients as one padded array, read straight from the resident data set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from clients.jobs import Features


@dataclass(frozen=True)
class Rows:
    """K batches padded to the largest, B: `inputs` [K, B, ...], `labels` int64[K, B], `present` bool[K, B].

    Padding is zeros with the label 0, so that no record outside of the batch takes part, not even times zero.
    """

    inputs: Tensor
    labels: Tensor
    present: Tensor

    def leave_out(self, samples: Tensor) -> None:
        """Turn the samples chosen by bool[K, B] into padding, in place."""
        self.inputs[samples] = 0
        self.labels[samples] = 0
        self.present[samples] = False


def padded(rows: Sequence[npt.NDArray[np.int64]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """K lists of row numbers as int64[K, B], shorter ones filled up with zeros; bool[K, B] which are no filling."""
    lengths = np.array([len(own) for own in rows])
    present = np.arange(lengths.max()) < lengths[:, np.newaxis]
    places = np.zeros(present.shape, np.int64)
    places[present] = np.concatenate(rows)
    return places, present


class Gatherer:
    """Gathers from one data set into the same memory again and again: fresh pages cost more than the copying."""

    def __init__(self, features: Features, labels: npt.NDArray[np.int64], rows: int) -> None:
        self._features = features
        self._labels = labels
        self._buffer = np.empty((rows, *features.shape[1:]), features.dtype)

    def gather(self, records: Sequence[npt.NDArray[np.int64]]) -> Rows:
        """The rows of these records, a list for each client. They are overwritten by the next call."""
        chosen, present = padded(records)
        inputs = self._buffer[: chosen.size]
        # Any mode but "raise" writes straight to `out`; the indices are never a stranger's.
        np.take(self._features, chosen.ravel(), axis=0, out=inputs, mode="clip")
        labels = self._labels[chosen]
        absent = np.flatnonzero(~present)
        if len(absent):
            inputs[absent] = 0
            labels.ravel()[absent] = 0
        stacked = torch.from_numpy(inputs).view(*chosen.shape, *inputs.shape[1:])
        return Rows(stacked, torch.from_numpy(labels), torch.from_numpy(present))
