"""Small real sweeps for the tests: digits, two rounds, played by the command line's own code."""

import json
from pathlib import Path

from runs import PRIVATE, SMALL, write
from server.run_directory.files import RunDirectory
from simulation.sweeps import sweeping
from simulation.sweeps.directory import SweepDirectory

VALIDATED = SMALL.replace('dataset = "digits"', 'dataset = "digits"\nvalidation_fraction = 0.2')

GRID = """
[sweep]
"privacy.noise_multiplier" = [1.0, 4.0]
"training.learning_rate" = [0.01, 0.5]
seed = [0, 1]
"""


def sweep(folder: Path, text: str = VALIDATED + PRIVATE + GRID, *overrides: str, jobs: int = 2) -> SweepDirectory:
    """Run a sweep into `folder / sweep`."""
    return SweepDirectory(sweeping.start(str(write(folder, text)), list(overrides), jobs, folder / "sweep"))


def results(directory: SweepDirectory) -> dict[str, object]:
    """What the sweep says of itself."""
    return json.loads(directory.results.read_text(encoding="utf-8"))


def manifests(directory: SweepDirectory) -> dict[str, dict[str, object]]:
    """The manifest of every run by its folder's name."""
    return {path.name: RunDirectory(path).read_manifest() for path in sorted(directory.runs.iterdir())}
