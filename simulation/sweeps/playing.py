"""Playing the points of a sweep side by side: each run in a process of its own, with one worker and one thread."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import IO

from rich.console import Console

from privacy.errors import ScenarioError
from scenarios.grid import Point, named
from server.run_directory.files import RunDirectory
from simulation.progress import bar_on
from simulation.sweeps.directory import SweepDirectory, Table, table_or_nothing

_POLL_S = 0.5
_LOST = "the process of this run was killed"

Changed = Callable[[], None]


@dataclass(frozen=True)
class _Playing:
    """A point under way: its process, and the end of a pipe through which it says why it failed."""

    point: Point
    process: ForkServerProcess
    reason: Connection


@dataclass(eq=False)
class Players:
    """Plays points of one sweep, `jobs` at a time, and says how each ended; a point that fails stops no other."""

    directory: SweepDirectory
    jobs: int
    changed: Changed
    output: IO[str] = field(default_factory=lambda: sys.stderr)
    failures: dict[str, str] = field(default_factory=dict)
    unaudited: dict[str, str] = field(default_factory=dict)
    _done: int = 0
    _begun: float = field(default_factory=time.monotonic)

    def play(self, points: Sequence[Point], total: int) -> None:
        """Play the points that are not done, and check those that are; `total` is how many the sweep will have in all.

        `failures` then holds the reason of each that failed, `unaudited` of each that was completed and whose audits
        failed, by name. On Ctrl-C the runs under way are interrupted, so that they can be resumed, and
        KeyboardInterrupt goes on.
        """
        waiting, done = list[Point](), list[Point]()
        for point in points:
            (done if self.directory.done(point) else waiting).append(point)
        self._take_over(done)
        under_way = list[_Playing]()
        with bar_on(self.output) as bar:
            task = bar.add_task("", total=total, completed=self._done)
            try:
                while waiting or under_way:
                    while waiting and len(under_way) < self.jobs:
                        under_way.append(self._start(waiting.pop(0)))
                    wait([one.process.sentinel for one in under_way], _POLL_S)
                    rounds = sum(_share_played(self.directory.run(one.point), one.point) for one in under_way)
                    bar.update(task, completed=self._done + rounds, description=f"{self._done}/{total} runs")
                    for one in [one for one in under_way if not one.process.is_alive()]:
                        under_way.remove(one)
                        self._end(one, total, bar.console)
            except KeyboardInterrupt:
                _interrupt(under_way)
                self.changed()
                raise

    def _take_over(self, points: Sequence[Point]) -> None:
        """Count runs that were done before; one whose record does not hold has no figures, and is not replaced."""
        if not points:
            return
        from simulation import verify  # it imports Flower, for which a sweep that begins need not wait

        self._done += len(points)
        for point in points:
            path = self.directory.run(point).path
            try:
                found = verify.problems(path)
            except ScenarioError as error:
                found = error.problems
            if found:
                self.failures[point.name] = f"{found[0]}; move {path} away to have it played again"

    def _start(self, point: Point) -> _Playing:
        from simulation.engines.processes import fork_server
        from simulation.sweeps.player import play

        context = fork_server(play.__module__)  # what every run imports is imported once
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=play, args=(point, self.directory.run(point).path, theirs))
        process.start()
        theirs.close()
        return _Playing(point, process, ours)

    def _end(self, one: _Playing, total: int, console: Console) -> None:
        one.process.join()
        self._done += 1
        reason = _received(one.reason)
        if one.process.exitcode != 0 or reason:
            # A run that came to its end is not lost with its audits.
            audits = one.point.loaded.scenario.audit and self.directory.status(one.point)[0] == "completed"
            (self.unaudited if audits else self.failures)[one.point.name] = reason or _LOST
        self.changed()
        console.print(self._line(one.point, total), markup=False)

    def _line(self, point: Point, total: int) -> str:
        told = f"{self._done:>{len(str(total))}}/{total}  {named(point.settings)}: "
        if point.name in self.failures:
            return f"{told}failed: {self.failures[point.name]}"
        summary = table_or_nothing(self.directory.run(point).summary)
        epsilon = (summary.get("epsilon") or {}).get("max")
        spent = f", epsilon {epsilon:.3f}" if epsilon is not None else ""
        accuracy = summary.get("accuracy")
        shown = f"accuracy {accuracy:.4f}" if accuracy is not None else "no accuracy"
        return f"{told}{shown}{spent}, {summary.get('wall_seconds', 0.0):.1f} s{self._audits(point, summary)}"

    def _audits(self, point: Point, summary: Table) -> str:
        if point.name in self.unaudited:
            return f"; its audits failed: {self.unaudited[point.name]}"
        found = summary.get("findings") or []
        broken = sum(one.get("contradiction") is True for one in found)
        return (f", {len(found)} findings" if found else "") + (f", CONTRADICTIONS: {broken}" if broken else "")


def _share_played(directory: RunDirectory, point: Point) -> float:
    """How much of a run is behind it, by the lines of its journal."""
    try:
        lines = directory.journal.read_bytes().count(b"\n")
    except OSError:
        return 0.0
    return min(0.99, lines / (point.loaded.scenario.federation.rounds + 2))


def _interrupt(under_way: Sequence[_Playing]) -> None:
    """Stop runs as Ctrl-C stops one; a second Ctrl-C does not wait for them."""
    for one in under_way:
        with contextlib.suppress(ProcessLookupError):
            if one.process.pid is not None and one.process.is_alive():
                os.kill(one.process.pid, signal.SIGINT)
    for one in under_way:
        one.process.join()


def _received(reason: Connection) -> str:
    try:
        return str(reason.recv()) if reason.poll() else ""
    except (EOFError, OSError):
        return ""
