"""The matrix R[i, j] of a run, from its files, with what follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from server.evaluation import continual
from simulation.report.files.fields import Fields
from simulation.report.files.run import Run
from simulation.report.sections.timeline import MOST_EXPERIENCES, names_of

Cells = tuple[tuple[float | None, ...], ...]
"""Accuracy on experience j (across) after experience i (down); None where there is nothing to test on."""


@dataclass(frozen=True)
class Matrix:
    """R and its figures; those that need a second experience are None after the first.

    `forgotten` is the forgetting of each experience before the last that is over. `per_client` is by key of the
    manifest.
    """

    names: tuple[str, ...]
    cells: Cells
    average_accuracy: float
    forgetting: float | None
    forgotten: tuple[float, ...]
    backward_transfer: float | None
    forward_transfer: float | None
    plasticity: float
    per_client: Mapping[str, Cells]


def matrix_of(run: Run) -> Matrix | None:
    """The matrix as `matrix.json` has it, or else as the journal does; None where no experience is over."""
    over = tuple(one.by_experience for one in run.rounds if one.over)
    stated = run.matrix.tables("matrix")
    cells = stated if _is_whole(stated) else over
    if not _is_whole(cells):
        return None
    values = np.array(cells, np.float64)
    initial = run.start.shares("by_experience")
    starts = [one for one in initial if one is not None]
    return Matrix(
        names=names_of(run, values.shape[1]),
        cells=cells,
        average_accuracy=continual.average_accuracy(values),
        forgetting=continual.forgetting(values),
        forgotten=tuple(continual.forgetting_by_experience(values)),
        backward_transfer=continual.backward_transfer(values),
        forward_transfer=continual.forward_transfer(values, starts) if len(starts) == values.shape[1] else None,
        plasticity=continual.plasticity(values),
        per_client=_per_client(run.matrix.inner("per_client"), values.shape),
    )


def _is_whole(cells: Cells) -> bool:
    """Whether every cell has a value, rows are of one length, and there are no more rows than columns."""
    if not cells or not 0 < len(cells[0]) <= MOST_EXPERIENCES or len(cells) > len(cells[0]):
        return False
    return all(len(row) == len(cells[0]) and None not in row for row in cells)


def _per_client(tables: Fields, shape: tuple[int, ...]) -> dict[str, Cells]:
    found = {client: tables.inner(client).tables("matrix") for client in tables}
    return {
        client: cells
        for client, cells in found.items()
        if len(cells) == shape[0] and all(len(row) == shape[1] for row in cells)
    }
