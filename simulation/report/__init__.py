"""The report: run directories rendered as one self-contained page, and one run as a single picture.

Only a run directory's files are read (`manifest.json`, `journal.jsonl`, `summary.json`), so a run that failed or was
interrupted gets a report as well. Charting libraries are imported when a report is written, not before.
"""

from collections.abc import Sequence
from pathlib import Path

from privacy.errors import ScenarioError
from server.run_directory.files import write_bytes

PICTURES = (".png", ".svg")


def write(directories: Sequence[Path], output: Path) -> None:
    """Write what the ending of `output` asks for: a page (.html), or a picture of one run (.png, .svg).

    Raises ScenarioError for another ending, for a picture of several runs, or where a run cannot be read.
    """
    ending = output.suffix.lower()
    if ending == ".html":
        write_report(directories, output)
    elif ending not in PICTURES:
        raise ScenarioError([f"-o {output}: a report's name ends in .html, .png or .svg"])
    elif len(directories) != 1:
        raise ScenarioError([f"-o {output}: a picture shows one run, not {len(directories)}; an .html page shows more"])
    else:
        write_picture(directories[0], output)


def write_report(directories: Sequence[Path], output: Path) -> None:
    """Render the run directories, in the order given, or one sweep's directory, as one HTML page at `output`.

    The page loads nothing and runs only the scripts whose hashes stand in its own Content-Security-Policy.

    Raises ScenarioError where a directory holds no readable manifest, OSError where `output` cannot be written.
    """
    from simulation.report.drawings.drawing import unchecked
    from simulation.report.files.outcomes import is_sweep, read_outcomes
    from simulation.report.files.reading import read_run
    from simulation.report.page import render
    from simulation.report.sweep import render_sweep

    swept = [directory for directory in directories if is_sweep(directory)]
    if swept and len(directories) > 1:
        raise ScenarioError([f"{swept[0]}: a sweep has a page of its own; name it alone"])
    with unchecked():
        page = render_sweep(read_outcomes(swept[0])) if swept else render([read_run(one) for one in directories])
    output.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(output, page.encode(errors="replace"))


def write_picture(directory: Path, output: Path) -> None:
    """Draw accuracy and epsilon by round of one run; `output` ends in .png or .svg.

    Raises ScenarioError for a sweep's directory, one that holds no readable manifest, or any other ending, OSError
    where `output` cannot be written.
    """
    from simulation.report.drawings.drawing import unchecked
    from simulation.report.files.outcomes import is_sweep
    from simulation.report.files.reading import read_run
    from simulation.report.picture import draw

    if is_sweep(directory):
        raise ScenarioError([f"{directory}: a sweep has a page and no picture; name an .html, or one of its runs"])
    with unchecked():
        picture = draw(read_run(directory), output.suffix.lower())
    output.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(output, picture)
