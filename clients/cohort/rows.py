"""One step's batches of K clients as padded arrays, read straight from the resident data set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from clients.jobs import Features

Places = slice | Tensor
"""Which of all clients: the first ones, or int64[K]."""

_GROUP_VALUES = 200_000
"""What the passes' fixed costs come to, in numbers that a forward pass keeps."""

_COPIES = 0.7
"""The same for the copies of one parameter: where it is, where its gradient is added, and back."""


@dataclass(frozen=True)
class Rows:
    """K batches padded to the largest, B: `inputs` [K, B, ...], `labels` int64[K, B], `present` bool[K, B].

    `clients` are the K. Padding is zeros with the label 0, so that no record outside of the batch takes part, not even
    times zero.
    """

    clients: Places
    inputs: Tensor
    labels: Tensor
    present: Tensor

    def leave_out(self, samples: Tensor) -> None:
        """Turn the samples chosen by bool[K, B] into padding, in place."""
        self.inputs[samples] = 0
        self.labels[samples] = 0
        self.present[samples] = False


def alike(lengths: Sequence[int], kept_values: int, parameters: int) -> list[Places]:
    """Clients whose batches have these lengths, in groups to be padded each by itself: as many as are worth it.

    A network keeps so many values of each row, padding or not, and has so many parameters, which are copied for every
    client where there is more than one group.
    """
    everybody: list[Places] = [slice(len(lengths))]
    saved = (len(lengths) * max(lengths) - sum(lengths)) * kept_values
    if saved <= _GROUP_VALUES + _COPIES * parameters * len(lengths):
        return everybody
    order = sorted(range(len(lengths)), key=lambda client: -lengths[client])
    costs, begins = [0.0], [0]
    for end in range(1, len(order) + 1):
        found = [
            costs[begin] + (end - begin) * lengths[order[begin]] * kept_values + _GROUP_VALUES for begin in range(end)
        ]
        costs.append(min(found))
        begins.append(found.index(costs[-1]))
    if costs[-1] + _COPIES * parameters * len(order) >= len(order) * lengths[order[0]] * kept_values + _GROUP_VALUES:
        return everybody
    groups, end = list[Places](), len(order)
    while end:
        groups.append(torch.tensor(sorted(order[begins[end] : end])))
        end = begins[end]
    return groups


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

    def gather(self, records: Sequence[npt.NDArray[np.int64]], clients: Places) -> Rows:
        """The rows of these clients' records, of which each has a list. They are overwritten by the next call."""
        chosen, present = padded(records[clients] if isinstance(clients, slice) else [records[one] for one in clients])
        inputs = self._buffer[: chosen.size]
        # Any mode but "raise" writes straight to `out`; the indices are never a stranger's.
        np.take(self._features, chosen.ravel(), axis=0, out=inputs, mode="clip")
        labels = self._labels[chosen]
        absent = np.flatnonzero(~present)
        if len(absent):
            inputs[absent] = 0
            labels.ravel()[absent] = 0
        stacked = torch.from_numpy(inputs).view(*chosen.shape, *inputs.shape[1:])
        return Rows(clients, stacked, torch.from_numpy(labels), torch.from_numpy(present))
