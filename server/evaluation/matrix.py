"""The matrix R[i, j] of a run, global and by client, with what follows from it: from the journal and manifest alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from server.evaluation import continual
from server.evaluation.continual import Matrix
from server.run_directory import journal
from server.run_directory.files import RunDirectory, write_json
from server.run_directory.journal import Record

Table = dict[str, Any]


def matrix_of(records: Sequence[Record], manifest: Mapping[str, Any]) -> Table | None:
    """What `matrix.json` holds; None for a run without a stream, or one in which no experience is over yet.

    `matrix[i][j]` is the accuracy on experience j after experience i, `initial` that of the model nobody trained. A
    client's own weighs the classes of each experience as its records have them; null where none of those is tested.
    """
    over = [one for one in records if one.get("kind") == "round" and "by_class" in one]
    start = next((one for one in records if one.get("kind") == "start" and "by_experience" in one), None)
    if not over or start is None:
        return None
    matrix = np.array([one["by_experience"] for one in over], np.float64)
    by_class = np.array([one["by_class"] for one in over], np.float64)
    return {
        "experiences": manifest["experiences"],
        "rounds": [one["round"] for one in over],
        "initial": start["by_experience"],
        "matrix": matrix.tolist(),
        **_figures(matrix, start["by_experience"]),
        "per_client": {
            client: _of_client(by_class, told["segments"], manifest)
            for client, told in manifest["clients"].items()
            if "segments" in told
        },
    }


def write_matrix(directory: RunDirectory) -> None:
    """Write `matrix.json` where there is a matrix."""
    matrix = matrix_of(journal.read_whole_lines(directory.journal), directory.read_manifest())
    if matrix is not None:
        write_json(directory.matrix, matrix)


def _figures(matrix: Matrix, initial: Sequence[float]) -> Table:
    return {
        "average_accuracy": continual.average_accuracy(matrix),
        "forgetting": continual.forgetting(matrix),
        "forgetting_by_experience": continual.forgetting_by_experience(matrix),
        "backward_transfer": continual.backward_transfer(matrix),
        "forward_transfer": continual.forward_transfer(matrix, initial),
        "plasticity": continual.plasticity(matrix),
    }


def _of_client(by_class: Matrix, segments: Mapping[str, Any], manifest: Mapping[str, Any]) -> Table:
    """A client's matrix; where it holds something of every experience, what follows from it, too."""
    experiences, classes = manifest["experiences"], manifest["dataset"]["classes"]
    held = np.zeros((len(experiences), len(classes)))
    for segment in segments.values():
        held[segment["experience"] - 1] += [segment["labels"].get(name, 0) for name in classes]
    own = [[continual.of_client(row[j], held[j]) for j in range(len(experiences))] for row in by_class]
    if any(value is None for row in own for value in row):
        return {"matrix": own, "average_accuracy": None, "forgetting": None, "backward_transfer": None}
    matrix = np.array(own, np.float64)
    return {
        "matrix": own,
        "average_accuracy": continual.average_accuracy(matrix),
        "forgetting": continual.forgetting(matrix),
        "backward_transfer": continual.backward_transfer(matrix),
    }
