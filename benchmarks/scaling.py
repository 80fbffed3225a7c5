"""How seconds a round and memory grow with clients, with parameters, and what a second worker gains.

    python benchmarks/scaling.py [--quick] [--repeats N] [--json FILE]

Each case is a run in a process of its own, so that its memory is its own: `peak` is the main process' largest resident
set, `worker` that of the largest process it started, each with all that it shares with others. A round is the median of
what the journal says of the later half of the rounds, when workers have started. For ten thousand clients there are not
enough real digits: everybody's are drawn from the 1,797 with replacement.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from side_by_side import timing
from side_by_side.runs import Experiment

LOGISTIC = '{ kind = "logistic" }'
RECORDS = 40
TESTED = 1000
CLIENTS = [10, 100, 1_000, 10_000]
LARGEST_COHORT = 1_000
HIDDEN = {"1e4": [12], "1e5": [126], "1e6": [1258], "1e7": [4096, 1650]}
BFV = '{ kind = "homomorphic" }'
WIDTHS = [34, 8, 10, 11, 10, 10]


def by_clients(folder: Path) -> list[Experiment]:
    """From ten clients to ten thousand, each with forty records; at most a thousand of them a round."""
    experiments = []
    for clients in CLIENTS:
        path = folder / f"digits-{clients}.npz"
        resample(path, clients * RECORDS + TESTED)
        experiments.append(
            Experiment(
                name=f"{clients:,} clients, {min(clients, LARGEST_COHORT):,} a round",
                model=LOGISTIC,
                clients=clients,
                cohort=min(clients, LARGEST_COHORT),
                rounds=5,
                dataset=f'{{ kind = "file", path = "{path}" }}',
                test_fraction=TESTED / (clients * RECORDS + TESTED),
            )
        )
    return experiments


def resample(path: Path, records: int) -> None:
    """Write so many digits of 8 x 8 pixels, drawn from the real ones with replacement."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    drawn = np.random.default_rng(1).integers(len(digits.target), size=records)
    pixels = np.round(digits.images[drawn] * (255 / 16)).astype(np.uint8)
    np.savez(path, x=pixels, y=digits.target[drawn])


def by_parameters() -> list[Experiment]:
    """Multilayer perceptrons from ten thousand parameters to ten million; ten clients a round."""
    return [
        Experiment(
            name=f"{size} parameters, 10 of 100 clients",
            model=f'{{ kind = "mlp", hidden = {hidden} }}',
            cohort=10,
            rounds=4,
        )
        for size, hidden in HIDDEN.items()
    ]


def by_workers() -> list[Experiment]:
    """The MLP of the other benchmarks with every client every round, plainly and under encryption."""
    plain = Experiment("MLP, 100 clients", '{ kind = "mlp", hidden = [64] }', rounds=80)
    return [plain, replace(plain, name="MLP, 100 clients, BFV", protection=BFV, rounds=12)]


def measure(experiment: Experiment, workers: int, repeats: int) -> dict[str, float]:
    """The median of the repeats, by seconds a round."""
    rows = sorted((_measure_once(experiment, workers) for _ in range(repeats)), key=lambda row: row["round"])
    return rows[len(rows) // 2]


def _measure_once(experiment: Experiment, workers: int) -> dict[str, float]:
    """Play the case in a process of its own."""
    case = json.dumps({"workers": workers, "experiment": asdict(experiment)})
    done = subprocess.run([sys.executable, __file__, "--case", case], check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def play(case: str) -> None:
    """In that process: play, and print the figures."""
    settings = json.loads(case)
    workers = int(settings["workers"])
    timing.use_cores(workers)
    ended, peaks = threading.Event(), dict[int, float]()
    watch = threading.Thread(target=_watch, args=(ended, peaks))
    watch.start()
    played = Experiment(**settings["experiment"]).play("local", workers)
    ended.set()
    watch.join()
    figures = {
        "round": statistics.median(played.later_seconds),
        "run": played.seconds,
        "peak_mib": _peak_mib(os.getpid()),
        "worker_mib": max(peaks.values(), default=0.0),
        "parameters": len(played.model),
        "workers": workers,
    }
    print(json.dumps(figures))


def _watch(ended: threading.Event, peaks: dict[int, float]) -> None:
    """Look four times a second how large the processes below this one have been; afterwards it is too late."""
    while not ended.wait(0.25):
        waiting = _children(os.getpid())
        while waiting:
            process = waiting.pop()
            waiting += _children(process)
            peaks[process] = max(peaks.get(process, 0.0), _peak_mib(process))


def _children(process: int) -> list[int]:
    found: list[int] = []
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += map(int, listed.read_text(encoding="ascii").split())
    return found


def _peak_mib(process: int) -> float:
    """The largest resident set since the program began; `ru_maxrss` would count what ran before `exec`, too."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    """Print the tables and write the figures."""
    parser = timing.parser("scaling", __doc__ or "", repeats=1)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.case is not None:
        play(parsed.case)
        return
    options = timing.options_of(parsed)
    found: dict[str, object] = {}
    timing.print_row(["run", "workers", "round", "whole run", "peak", "worker"], WIDTHS)
    with tempfile.TemporaryDirectory(prefix="fedcrucible-scaling-") as folder:
        cases = [(experiment, 1) for experiment in [*by_clients(Path(folder)), *by_parameters()]]
        cases += [(experiment, workers) for experiment in by_workers() for workers in (1, 2)]
        for experiment, workers in cases:
            case = replace(experiment, rounds=3) if options.quick else experiment
            row = measure(case, workers, options.repeats)
            found[f"{experiment.name}, {workers} workers"] = row
            memory = [f"{row[side]:,.0f} MiB" if row[side] else "" for side in ("peak_mib", "worker_mib")]
            timing.print_row(
                [experiment.name, workers, f"{1e3 * row['round']:,.1f} ms", f"{row['run']:.2f} s", *memory], WIDTHS
            )
    timing.write(options.json, found)


if __name__ == "__main__":
    main()
