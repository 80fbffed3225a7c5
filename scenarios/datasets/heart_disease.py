"""920 patients of four hospitals, ill or not; see `scenarios/datasets/heart_disease.md`.

Encoded with fixed public ranges only, never with statistics of the records: those would leak past the privacy ledger.
"""

from typing import Literal

import numpy as np

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Dataset, Inputs, Key
from scenarios.datasets.packaged import Cell, Table, read_packaged

_RANGES = {
    "age": (20.0, 80.0),
    "resting_pressure": (80.0, 200.0),
    "cholesterol": (100.0, 600.0),
    "max_heart_rate": (60.0, 220.0),
    "st_depression": (-3.0, 7.0),
    "major_vessels": (0.0, 3.0),
}
_ALWAYS_KNOWN = frozenset({"age", "sex", "chest_pain"})
_NOT_FEATURES = frozenset({"hospital", "disease"})


class HeartDisease(Parameters):
    """`dataset = "heart-disease"`: two classes, float32[920, 35], key "hospital" (four)."""

    kind: Literal["heart-disease"] = "heart-disease"

    def load(self) -> Dataset:
        """Read and encode the packaged records."""
        table = read_packaged("heart_disease.jsonl")
        hospital = np.array(table.cells["hospital"], dtype=np.int64)
        return Dataset(
            inputs=_encode(table),
            labels=(np.array(table.cells["disease"], dtype=np.int64) > 0).astype(np.int64),
            classes=("healthy", "ill"),
            keys={"hospital": Key(hospital, tuple(table.levels["hospital"]))},
            source="Heart Disease (Janosi, Steinbrunn, Pfisterer & Detrano, UCI), doi:10.24432/C52P4X",
            licence="CC BY 4.0",
        )


def _encode(table: Table) -> Inputs:
    """float32[n, 35]: each column's measurement or one-hot choice, then its indicator of being missing."""
    columns: list[list[float]] = []
    for name, values in table.cells.items():
        if name in _NOT_FEATURES:
            continue
        if name in _RANGES:
            columns.append([_scaled(value, *_RANGES[name]) for value in values])
        else:
            columns += [[float(value == level) for value in values] for level in range(len(table.levels[name]))]
        if name not in _ALWAYS_KNOWN:
            columns.append([float(value is None) for value in values])
    return np.array(columns, dtype=np.float32).T.copy()


def _scaled(value: Cell, low: float, high: float) -> float:
    """Map low..high to -1..1, clipped; 0, the middle, where the value is missing."""
    if value is None:
        return 0.0
    return min(1.0, max(-1.0, 2.0 * (value - low) / (high - low) - 1.0))
