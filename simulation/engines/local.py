"""The default engine: the in-process Grid, no daemon."""

import os

from flwr.app import Context, RecordDict

from scenarios.schema import Scenario
from server.directory import RunDirectory
from simulation.grid import LocalGrid
from simulation.processes import use_one_thread


def run(scenario: Scenario, directory: RunDirectory, workers: int | None = None) -> None:
    """Play a directory whose manifest is written. `workers` defaults to the number of cores."""
    use_one_thread()
    grid = LocalGrid(scenario.federation.clients, workers or os.cpu_count() or 1)
    try:
        from server.app import app

        context = Context(1, 1, {}, RecordDict(), {"scenario": "", "out": str(directory.path)})
        app(grid, context)
    finally:
        grid.close()
