"""The default engine: the in-process Grid, no daemon."""

from flwr.app import Context, RecordDict

from scenarios.schema import Scenario
from server.run_directory.files import RunDirectory
from simulation.engines.cores import usable_cores
from simulation.engines.grid import LocalGrid
from simulation.engines.processes import use_one_thread


def run(scenario: Scenario, directory: RunDirectory, workers: int | None = None) -> None:
    """Play a directory whose manifest is written. `workers` defaults to the cores that there are for it."""
    use_one_thread()
    grid = LocalGrid(scenario.federation.clients, workers or usable_cores())
    try:
        from server.app import app

        context = Context(1, 1, {}, RecordDict(), {"scenario": "", "out": str(directory.path)})
        app(grid, context)
    finally:
        grid.close()
