"""Progress, read from the journal as it grows: the same for every engine, with or without colour, also when piped."""

import contextlib
import json
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

_POLL_S = 0.1
_LINES = 100


def bar_on(output: IO[str]) -> Bar:
    """A bar that is there while something is under way, and on a terminal only; its console writes to `output`."""
    console = Console(file=output, soft_wrap=True, highlight=False)
    text = TextColumn("{task.description}")
    return Bar(BarColumn(), text, console=console, transient=True, disable=not output.isatty())


class Progress:
    """Follows a journal in a thread and says what each round gave; a context manager around a run.

    One line a round, of long runs every tenth or hundredth, and one for each event before the round that it is in; on a
    terminal also a bar that moves with every round.
    """

    def __init__(self, path: Path, rounds: int, output: IO[str] = sys.stderr) -> None:
        self._path, self._rounds = path, rounds
        self._begun = time.monotonic()
        self._offset = path.stat().st_size if path.exists() else 0
        self._played, self._happened = 0, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._bar = bar_on(output)
        self._task = self._bar.add_task("starting", total=rounds)

    def __enter__(self) -> Self:
        self._bar.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._show_new()
        self._bar.stop()

    def _follow(self) -> None:
        while not self._stop.wait(_POLL_S):
            self._show_new()

    def _show_new(self) -> None:
        """Read the whole lines that have come since the last look; half a line is left for the next."""
        try:
            with self._path.open("rb") as file:
                # A line that a kill cut is taken back before the run goes on.
                self._offset = min(self._offset, self._path.stat().st_size)
                file.seek(self._offset)
                fresh = file.read()
        except OSError:
            return
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            with contextlib.suppress(ValueError):  # the rest of a line that has been written anew
                record = json.loads(line)
                if isinstance(record, dict) and record.get("kind") == "round":
                    self._show(record)

    def _show(self, record: dict[str, Any]) -> None:
        self._played += 1
        round_ = int(record["round"])
        left = (time.monotonic() - self._begun) / self._played * (self._rounds - round_)
        line = f"{describe(record, self._rounds)}  left {left:4.0f} s"
        self._bar.update(self._task, completed=round_, description=f"round {round_}/{self._rounds}, left {left:.0f} s")
        for told in happenings(record):
            self._happened += 1
            if self._happened <= _LINES:
                self._bar.console.print(told, markup=False)
        if round_ % _stride(self._rounds) == 0 or round_ in (1, self._rounds):
            self._bar.console.print(line, markup=False)


def describe(record: dict[str, Any], rounds: int) -> str:
    """One round of a run of `rounds` in a line: accuracy, loss, largest epsilon, clients, megabytes, seconds."""
    spent = [value for value in (record.get("epsilon") or {}).values() if value is not None]
    epsilon = f"  epsilon {max(spent):6.3f}" if spent else ""
    trained = sum(report["status"] == "trained" for report in record["reports"].values())
    loss = f"{record['loss']:.4f}" if record["loss"] < 1e4 else f"{record['loss']:.1e}"
    megabytes = (record["sent_bytes"] + record["received_bytes"]) / 1e6
    return (
        f"round {record['round']:>{len(str(rounds))}}/{rounds}  accuracy {record['accuracy']:.4f}"
        f"  loss {loss}{epsilon}  clients {trained}/{len(record['cohort'])}"
        f"  {megabytes:7.2f} MB  {record['seconds']:5.2f} s"
    )


def happenings(record: dict[str, Any]) -> list[str]:
    """A line for each event of a round, and for a model that goes back to an earlier one."""
    told, back = list(record.get("events") or ()), record.get("restarts_from")
    if back is not None:
        told.append(f"the model is again that of round {back}" if back else "the model is again the one nobody trained")
    return [f"round {record['round']}: {one}" for one in told]


def _stride(rounds: int) -> int:
    """1, 10, 100...: so that no run prints much more than a hundred lines."""
    stride = 1
    while rounds / stride > _LINES:
        stride *= 10
    return stride
