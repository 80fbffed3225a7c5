"""The standard streams of the command line, so that what becomes of a message decides nothing about a run."""

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STANDARD = (0, 1, 2)


def prepare() -> None:
    """Make standard output and standard error safe to write to, whatever they were when the process was started.

    A stream that was closed leads nowhere from now on: the next file to be opened, a journal perhaps, would take its
    number and get what is printed. A character that the terminal's encoding lacks is escaped. A message that nobody
    reads any more (`| head`) is lost, and so is whatever cannot be written on standard error; that standard output
    has no room is an error.
    """
    for descriptor in _STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    sys.stdout = _stream(sys.stdout, 1, BrokenPipeError)
    sys.stderr = _stream(sys.stderr, 2, OSError)


class _Losing(io.FileIO):
    """A stream on which a write that fails so is lost and stops nothing."""

    def __init__(self, descriptor: int, lost: type[OSError]) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self._lost = lost

    def write(self, content: "ReadableBuffer") -> int:
        try:
            return super().write(content)
        except OSError as error:
            if not isinstance(error, self._lost):
                self._lost = OSError  # told once: what is left in the buffer would fail again at the interpreter's end
                raise
            return memoryview(content).nbytes


def _stream(before: TextIO | None, descriptor: int, lost: type[OSError]) -> TextIO:
    """The same stream made safe; one that a test or a notebook has put in its place is left as it is."""
    if before is not None and not _is(before, descriptor):
        return before
    encoding = before.encoding if before is not None else "utf-8"
    file = io.BufferedWriter(_Losing(descriptor, lost))
    return io.TextIOWrapper(file, encoding, "backslashreplace", line_buffering=os.isatty(descriptor) or descriptor == 2)


def _is(stream: TextIO, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError):
        return False
