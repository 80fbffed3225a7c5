"""One step's batches of K clients as one padded array, read straight from the resident data set."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from clients.batches import Batch
from clients.jobs import Features, Job


@dataclass(frozen=True)
class Rows:
    """K batches padded to the largest, B: `inputs` [K, B, ...], `labels` int64[K, B], `present` bool[K, B].

    Padding is zeros with the label 0, so that no record outside of the batch takes part, not even times zero.
    """

    inputs: Tensor
    labels: Tensor
    present: Tensor

    def part(self, span: "Span") -> "Rows":
        """Those of one step, which share the memory."""
        own = slice(0, span.clients), slice(span.begin, span.end)
        return Rows(self.inputs[own], self.labels[own], self.present[own])

    def leave_out(self, samples: Tensor) -> None:
        """Turn the samples chosen by bool[K, B] into padding, in place."""
        self.inputs[samples] = 0
        self.labels[samples] = 0
        self.present[samples] = False


@dataclass(frozen=True)
class Span:
    """The places of one step among all rows of K clients, [K, N]: from `begin` to `end`, of the first `clients`."""

    clients: int
    begin: int
    end: int


def spans_of(batches: Sequence[Sequence[Batch]]) -> list[Span]:
    """One a step: the clients with the most steps come first, and a step is as wide as its largest batch."""
    found, end = list[Span](), 0
    for step in range(len(batches[0])):
        sizes = [len(own[step]) for own in batches if step < len(own)]
        found.append(Span(len(sizes), end, end + max(sizes)))
        end = found[-1].end
    return found


class Gatherer:
    """Gathers from one data set into the same memory again and again: fresh pages cost more than the copying."""

    def __init__(self, features: Features, labels: npt.NDArray[np.int64], rows: int) -> None:
        self._features = features
        self._labels = labels
        self._buffer = np.empty((rows, *features.shape[1:]), features.dtype)

    def gather(self, jobs: Sequence[Job], batches: Sequence[Batch]) -> Rows:
        """The rows of these batches, one a job. They are overwritten by the next call."""
        span = Span(len(batches), 0, max(map(len, batches)))
        return self.gather_all(jobs, [[batch] for batch in batches], [span])

    def gather_all(self, jobs: Sequence[Job], batches: Sequence[Sequence[Batch]], spans: Sequence[Span]) -> Rows:
        """The rows of all steps, each at its span's places. They are overwritten by the next call."""
        shape = len(jobs), spans[-1].end
        chosen, present = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
        for job, own, places, taken in zip(jobs, batches, chosen, present, strict=True):
            for batch, span in zip(own, spans, strict=False):
                places[span.begin : span.begin + len(batch)] = job.records[batch]
                taken[span.begin : span.begin + len(batch)] = True
        inputs = self._buffer[: chosen.size]
        # Any mode but "raise" writes straight to `out`; the indices are the division's own.
        np.take(self._features, chosen.ravel(), axis=0, out=inputs, mode="clip")
        labels = self._labels[chosen]
        absent = np.flatnonzero(~present)
        if len(absent):
            inputs[absent] = 0
            labels.ravel()[absent] = 0
        stacked = torch.from_numpy(inputs).view(*shape, *inputs.shape[1:])
        return Rows(stacked, torch.from_numpy(labels), torch.from_numpy(present))
