"""The command line. Each command imports what it needs, so that `--help` and `check` do not wait for torch."""

import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from privacy.errors import FedcrucibleError, ScenarioError
from simulation import printing

cli = typer.Typer(
    name="fedcrucible",
    help="A laboratory for private federated learning.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    suggest_commands=False,  # Click does, and what Typer says comes after that
)

_OK, _FAILED, _WRONG = 0, 1, 2


def _path(name: str) -> Path:
    """A name as given. An empty one, as of a shell's variable that is not set, would be the folder where one is."""
    if not name:
        raise typer.BadParameter("the name is empty")
    return Path(name)


# What an argument is stands in each command's own words: Typer loses the help of one, and misprints "required".
Scenario = Annotated[str, typer.Argument(metavar="FILE", hidden=True)]
Directory = Annotated[Path, typer.Argument(metavar="DIR", hidden=True, parser=_path)]
Overrides = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="override a dotted key")]
Workers = Annotated[int | None, typer.Option(min=1, max=256, help="worker processes; default: all cores")]
Debug = Annotated[bool, typer.Option("--debug", help="show a traceback")]


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"fedcrucible {version('fedcrucible')}")
        raise typer.Exit(_OK)


Version = Annotated[
    bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="show which version this is")
]


@cli.callback()
def fedcrucible(version: Version = False) -> None:
    """A laboratory for private federated learning."""


@cli.command()
def run(
    file: Scenario,
    set_: Overrides = None,
    engine: Annotated[str, typer.Option(help="local | flower; default: local", show_default=False)] = "local",
    workers: Workers = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", parser=_path, help="run directory; default: runs/NAME")
    ] = None,
    debug: Debug = False,
) -> None:
    """Run a scenario and write its run directory and report.

    FILE is a scenario file, or the name of a library scenario.
    """
    from simulation import running

    path = running.start(file, set_ or [], engine, workers, out)
    _announce(path)


@cli.command()
def resume(directory: Directory, workers: Workers = None, debug: Debug = False) -> None:
    """Continue an interrupted run, or a sweep, to the same bits as an uninterrupted one.

    DIR is a run directory, or a sweep's.
    """
    from simulation import running
    from simulation.report.files.outcomes import is_sweep
    from simulation.sweeps import sweeping

    if is_sweep(directory):
        sweeping.resume(directory, workers)
        _print(sweeping.closing_lines(directory))
        return
    running.resume(directory, workers)
    _announce(directory)


@cli.command()
def sweep(
    file: Scenario,
    set_: Overrides = None,
    jobs: Annotated[int | None, typer.Option(min=1, max=256, help="runs at a time; default: all cores")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", parser=_path, help="its directory; default: sweeps/NAME")
    ] = None,
    debug: Debug = False,
) -> None:
    """Run every point of a scenario's [sweep], or go on with it, and compare them.

    FILE is a scenario file, or the name of a library scenario.
    """
    from simulation.sweeps import sweeping

    path = sweeping.start(file, set_ or [], jobs, out)
    _print(sweeping.closing_lines(path))


@cli.command()
def check(
    file: Scenario,
    set_: Overrides = None,
    round_: Annotated[int | None, typer.Option("--round", help="only this round")] = None,
    json: Annotated[bool, typer.Option("--json", help="as one JSON object")] = False,
    debug: Debug = False,
) -> None:
    """Validate a scenario and print what it plans, round by round, without training; of a [sweep] its points.

    FILE is a scenario file, or the name of a library scenario.
    """
    from scenarios import source
    from scenarios.shape import SWEEP
    from simulation.dry_run import checking
    from simulation.sweeps import planned

    swept = SWEEP in source.open_file(file, set_ or []).values
    dry_run = planned if swept else checking
    if json:
        print(dry_run.as_json(file, set_ or [], round_))
        return
    for line in dry_run.describe(file, set_ or [], round_):
        print(line)


@cli.command()
def verify(directory: Directory, debug: Debug = False) -> None:
    """Check the journal's hash chain, hold figures and promises against it, recompute epsilon from the ledger rows.

    DIR is a run directory.
    """
    from simulation import verify as verification

    verdict = verification.examine(directory)
    for problem in verdict.problems:
        print(problem)
    if verdict.problems:
        raise typer.Exit(_FAILED)
    so_far = " so far: the run has not ended" if verdict.so_far else ""
    torn = "; its last line was cut by a kill or a full disk" if verdict.torn else ""
    spent = "" if verdict.epsilon is None else f"; epsilon recomputed from the rows: {verdict.epsilon:.4f}"
    print(f"{directory}: the journal is intact{so_far}{torn}{spent}")
    if verdict.failed is not None:
        print(f"{directory}: the run itself failed: {verdict.failed}")


@cli.command()
def audit(directory: Directory, set_: Overrides = None, debug: Debug = False) -> None:
    """Try the audits of a finished run: those of its scenario or, without any, the quick ones that fit.

    DIR is a run directory.
    """
    from simulation import auditing

    found = auditing.audit(directory, set_ or [])
    for line in auditing.lines(found):
        print(line)
    broken = [finding for finding in found if finding.contradiction]
    if broken:
        print(f"{len(broken)} of {len(found)} findings contradict what the run promises", file=sys.stderr)
        raise typer.Exit(_FAILED)


@cli.command()
def report(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", hidden=True, parser=_path)],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            parser=_path,
            help="FILE.html, or FILE.png or FILE.svg for a picture of one run; default: the page in the run directory,"
            " for several runs comparison.html here",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Write one self-contained HTML page for one or more runs, or a picture of one.

    Each DIR is a run directory; a single one may be a sweep's.
    """
    from simulation import report as reports

    target = output or (directories[0] / "report.html" if len(directories) == 1 else Path("comparison.html"))
    try:
        reports.write(directories, target)
    except OSError as error:
        raise ScenarioError([f"{target}: cannot be written: {error.strerror or error}"]) from error
    print(f"report: {target}")


@cli.command(name="list")
def list_() -> None:
    """List the scenario library with each one's question."""
    from scenarios.source import library

    entries = library()
    width = max(len(name) for name, _, _ in entries)
    for name, question, _ in entries:
        print(f"{name:<{width}}  {question}")


def main() -> None:
    """The console script: exit 0 when done, 1 when a run failed, 2 when the file or the command line is wrong."""
    debug = "--debug" in sys.argv[1:]
    printing.prepare()
    try:
        try:
            cli(standalone_mode=True)
        finally:
            sys.stdout.flush()  # here a full disk can be told, at the interpreter's end no more
    except ScenarioError as error:
        _complain(error, debug)
        sys.exit(_WRONG)
    except FedcrucibleError as error:
        _complain(error, debug)
        sys.exit(_FAILED)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(_FAILED)
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback reaches a person unasked
        _complain(error, debug)
        sys.exit(_FAILED)


def _announce(path: Path) -> None:
    from simulation import running

    _print(running.closing_lines(path))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


def _complain(error: Exception, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    known = isinstance(error, FedcrucibleError)
    print(str(error) if known else f"{type(error).__name__}: {error} (--debug shows where)", file=sys.stderr)
