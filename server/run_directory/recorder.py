"""Writing rounds down beside the rounds themselves: the next one trains while the disk takes the last one in."""

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from server.run_directory import journal
from server.run_directory.checkpoint import Checkpoint, Checkpoints
from server.run_directory.files import RunDirectory
from server.run_directory.journal import Line


class Recorder:
    """Writes a run's checkpoints and journal in order, at most one round behind.

    After a kill the last round may have to be played again. With seeded noise that gives the same bits; noise from the
    operating system would be drawn anew and go uncharged, so then `waits` makes every write finish first.
    """

    def __init__(self, directory: RunDirectory, waits: bool) -> None:
        self._journal = directory.journal
        self._checkpoints = Checkpoints(directory.checkpoint)
        self._waits = waits
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._pending: Future[None] | None = None

    def keep(self, kept: Checkpoint) -> None:
        """Write a checkpoint and then its line: a kill in between is mended from the line in the checkpoint.

        Raises what the write before it raised.
        """
        self.wait()
        self._pending = self._thread.submit(self._write, kept)
        if self._waits:
            self.wait()

    def append(self, line: Line) -> None:
        """Write one line of the journal, after all that was to be written before."""
        self.wait()
        journal.append(self._journal, line)

    def wait(self) -> None:
        """Wait until everything is on the disk. Raises what a write raised."""
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the last write and end the thread; what the write raised is raised unless something else was."""
        self._thread.shutdown(wait=True)
        if kind is None:
            self.wait()

    def _write(self, kept: Checkpoint) -> None:
        self._checkpoints.write(kept)
        journal.append(self._journal, kept.line)
