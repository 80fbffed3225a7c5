"""How soon the first round of `fedcrucible run quickstart` is over, and what the seconds of a run go into.

    python benchmarks/start_up.py [--quick] [--repeats N] [--json FILE]

The first round is timed from the start of the process to its line in the journal: the interpreter, imports, features,
keys and, with more than one worker, their start included. Beside the time on the clock stands the processor time of the
main process alone, which others on the machine do not lengthen as much.

Then, on one core with one worker, each run is split: training is clients' local training, protection what clients and
server do to protect, sign, open, check and sum updates, scoring the evaluation of the global model, and the engine all
the rest of a run, from its opened directory to its end. Both shares are of the whole run: `outside` is everything but
training, `engine` the engine alone.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import opacus_engines
import plain_loop
from side_by_side import runs, timing

from clients import rounds, training
from server.evaluation.examination import Examination
from server.rounds import federation
from server.rounds.exchange import Courier

START_TARGET_S, SHARE_TARGET = 4.0, 0.15
STARTS = [["--workers", "1"], []]
POLL_S = 0.005
WIDTHS = [30, 9, 10, 11, 9, 9, 8, 8]


def first_round(arguments: list[str]) -> tuple[float, float]:
    """Seconds to the first round in the journal, on the clock and of the main process; the run is then ended."""
    with tempfile.TemporaryDirectory(prefix="fedcrucible-start-") as folder:
        journal = Path(folder) / "run" / "journal.jsonl"
        command = [sys.executable, "-m", "simulation", "run", "quickstart", *arguments, "--out", str(journal.parent)]
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not (journal.exists() and b'"kind":"round"' in journal.read_bytes()):
                if process.poll() is not None:
                    raise SystemExit(f"{' '.join(command)} ended before its first round")
                time.sleep(POLL_S)
            return time.perf_counter() - begun, _processor_seconds(process.pid)
        finally:
            process.terminate()
            process.wait()


def _processor_seconds(process: int) -> float:
    """User and system time of a process that runs, without its children's: fields 14 and 15 of its `stat`."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def split(play: Callable[[], runs.Played]) -> dict[str, float]:
    """The seconds of one run by what they go into."""
    parts = {"training": 0.0, "clients": 0.0, "collecting": 0.0, "asking": 0.0, "scoring": 0.0}
    with contextlib.ExitStack() as timers:
        timers.enter_context(_timed(training, "train", parts, "training"))
        timers.enter_context(_timed(rounds, "_protected", parts, "clients"))
        timers.enter_context(_timed(federation, "drive", parts, "collecting"))
        timers.enter_context(_stepped(Courier, "ask", parts, "asking"))
        timers.enter_context(_timed(Examination, "score", parts, "scoring"))
        seconds = play().seconds
    protection = parts["clients"] + parts["collecting"] - parts["asking"]
    engine = seconds - parts["training"] - protection - parts["scoring"]
    return {
        "run": seconds,
        "training": parts["training"],
        "protection": protection,
        "scoring": parts["scoring"],
        "engine": engine,
        "engine_share": engine / seconds,
        "outside_share": 1 - parts["training"] / seconds,
    }


@contextlib.contextmanager
def _timed(owner: Any, name: str, parts: dict[str, float], part: str) -> Iterator[None]:  # noqa: ANN401 - any module
    """Add the seconds of each call of `owner.name` to a part."""
    called = getattr(owner, name)

    def timed(*arguments: object) -> object:
        begun = time.perf_counter()
        try:
            return called(*arguments)
        finally:
            parts[part] += time.perf_counter() - begun

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, called)


@contextlib.contextmanager
def _stepped(owner: Any, name: str, parts: dict[str, float], part: str) -> Iterator[None]:  # noqa: ANN401 - any class
    """Add the seconds that the generator `owner.name` takes for each of its values to a part."""
    called = getattr(owner, name)

    def timed(*arguments: object) -> Iterator[object]:
        values = called(*arguments)
        while True:
            begun = time.perf_counter()
            try:
                value = next(values)
            except StopIteration:
                return
            finally:
                parts[part] += time.perf_counter() - begun
            yield value

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, called)


def cases(quick: bool) -> list[tuple[str, Callable[[], runs.Played]]]:
    """Quickstart, and the experiments of the other benchmarks."""
    experiments = [*plain_loop.CASES, *opacus_engines.CASES]
    found: list[tuple[str, Callable[[], runs.Played]]] = [("quickstart", lambda: runs.play("quickstart", "local"))]
    for experiment, _ in experiments:
        case = replace(experiment, rounds=5) if quick else experiment
        found.append((case.title, lambda case=case: case.play("local")))  # type: ignore[misc]  # a lambda's own default
    return found


def main() -> None:
    """Print the tables and write the figures."""
    options = timing.options_of(timing.parser("start_up", __doc__ or "", repeats=3).parse_args())
    found: dict[str, object] = {}
    timing.print_row(["quickstart, first round after", "clock", "processor", "", "", "", "", "target"], WIDTHS)
    for arguments in STARTS:
        name = " ".join(arguments) or "all cores"
        seconds = sorted(first_round(arguments) for _ in range(options.repeats))
        clock, processor = seconds[len(seconds) // 2]
        found[f"first round, {name}"] = {"seconds": clock, "processor_seconds": processor, "target": START_TARGET_S}
        times = [f"{clock:.2f} s", f"{processor:.2f} s"]
        timing.print_row([name, *times, "", "", "", "", f"{START_TARGET_S:g} s"], WIDTHS)
    timing.use_cores(1)
    timing.print_row(["run", "seconds", "training", "protection", "scoring", "engine", "outside", "engine"], WIDTHS)
    for name, play in cases(options.quick):
        play()  # what is imported and computed once is not the run's
        rows = sorted((split(play) for _ in range(options.repeats)), key=lambda row: row["engine_share"])
        found[name] = row = {**rows[len(rows) // 2], "target": SHARE_TARGET}
        times = [f"{row[part]:.2f} s" for part in ("run", "training", "protection", "scoring", "engine")]
        timing.print_row([name, *times, *(f"{row[share]:.0%}" for share in ("outside_share", "engine_share"))], WIDTHS)
    timing.write(options.json, found)


if __name__ == "__main__":
    main()
