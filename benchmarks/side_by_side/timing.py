"""Timing that survives a noisy machine: sides take turns within a repeat, and only ratios within a repeat count."""

import argparse
import gc
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

_RESULTS = Path(__file__).parents[1] / "results"

Seconds = Mapping[str, Sequence[float]]
"""By side, how long it took in each repeat."""


@dataclass(frozen=True)
class Options:
    """What every benchmark is told: how often to repeat, whether to be brief, where the figures go."""

    quick: bool
    repeats: int
    json: Path


def parser(name: str, description: str, repeats: int) -> argparse.ArgumentParser:
    """The options of a benchmark; figures go to `results/NAME.json` beside the scripts unless told otherwise."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--quick", action="store_true", help="fewer rounds and repeats, for a look")
    made.add_argument("--repeats", type=int, default=None, help=f"default {repeats}, or 3 at most with --quick")
    made.add_argument("--json", type=Path, default=_RESULTS / f"{name}.json", help="default %(default)s")
    made.set_defaults(usual_repeats=repeats)
    return made


def options_of(parsed: argparse.Namespace) -> Options:
    """The options that `parser` added, with the number of repeats settled."""
    usual = min(3, parsed.usual_repeats) if parsed.quick else parsed.usual_repeats
    return Options(parsed.quick, parsed.repeats or usual, parsed.json)


def use_cores(count: int) -> int:
    """Keep this process and all it starts to `count` cores, and torch to one thread; returns how many there are."""
    chosen = sorted(os.sched_getaffinity(0))[-count:]
    os.sched_setaffinity(0, chosen)
    torch.set_num_threads(1)
    return len(chosen)


def alternate(sides: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Let the sides take turns, `repeats` times, every other time backwards; each returns the seconds it took."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for repeat in range(repeats):
        for name in list(sides)[:: -1 if repeat % 2 else 1]:
            gc.collect()
            found[name].append(sides[name]())
    return found


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> Callable[[], float]:
    """The same work, returning its seconds by a clock."""

    def measured() -> float:
        begun = clock()
        work()
        return clock() - begun

    return measured


def ratio(seconds: Seconds, other: str, ours: str) -> float:
    """How many times longer `other` takes than `ours`: the median of the ratios within each repeat."""
    return statistics.median(theirs / own for theirs, own in zip(seconds[other], seconds[ours], strict=True))


def medians(seconds: Seconds) -> dict[str, float]:
    """The median seconds of each side."""
    return {name: statistics.median(values) for name, values in seconds.items()}


def print_row(cells: Sequence[object], widths: Sequence[int]) -> None:
    """One line of a table: the first cell to the left, the others to the right."""
    first, *others = (str(cell) for cell in cells)
    aligned = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
    print("  ".join([f"{first:<{widths[0]}}", *aligned]), flush=True)


def write(path: Path, content: Mapping[str, object]) -> None:
    """Write the figures as JSON and say where they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"figures: {path}", flush=True)
