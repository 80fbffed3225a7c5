"""The report: run directories rendered as one self-contained page, and one run as a single picture.

Only a run directory's files are read (`manifest.json`, `journal.jsonl`, `summary.json`), so a run that failed or was
interrupted gets a report as well. Charting libraries are imported when a report is written, not before.
"""

from collections.abc import Sequence
from pathlib import Path


def write_report(directories: Sequence[Path], output: Path) -> None:
    """Render the run directories, in the order given, as one HTML page at `output`.

    The page loads nothing and runs only the scripts whose hashes stand in its own Content-Security-Policy.

    Raises FedcrucibleError where a directory holds no readable manifest.
    """
    from simulation.report.page import render
    from simulation.report.reading import read_run

    page = render([read_run(directory) for directory in directories])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page, encoding="utf-8", errors="replace")


def write_picture(directory: Path, output: Path) -> None:
    """Draw accuracy and epsilon by round of one run; `output` ends in .png or .svg.

    Raises FedcrucibleError where the directory holds no readable manifest, or for any other ending.
    """
    from simulation.report.picture import draw
    from simulation.report.reading import read_run

    picture = draw(read_run(directory), output.suffix)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(picture)
