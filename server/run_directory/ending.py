"""How a run ends before its end: what the manifest and the summary then say, as far as there is a disk to say it on."""

import contextlib

from privacy.errors import FedcrucibleError
from scenarios.schema import Scenario
from server.evaluation.matrix import write_matrix
from server.run_directory import journal
from server.run_directory.files import RunDirectory, write_json
from server.run_directory.opening import now
from server.run_directory.summary import summarise


def interrupt(directory: RunDirectory) -> None:
    """Say that a person stopped the run."""
    _end(directory, "interrupted", "stopped by the user")


def fail(directory: RunDirectory, scenario: Scenario, reason: str, wall_seconds: float) -> None:
    """Say why the run failed and what it cost until then.

    Raises nothing: the failure that is told is the one that matters, not that the disk is full or a line torn.
    """
    _end(directory, "failed", reason)
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        figures = summarise(directory, scenario, wall_seconds, None)
        write_json(directory.summary, {**figures, "reason": reason})
        write_matrix(directory)


def reason_of(error: Exception) -> str:
    """A failure in a person's words."""
    return str(error) if isinstance(error, FedcrucibleError) else f"{type(error).__name__}: {error}"


def _end(directory: RunDirectory, status: str, reason: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        head = journal.head(directory.journal)
        directory.update_manifest(status=status, reason=reason, ended=now(), journal_head=head)
