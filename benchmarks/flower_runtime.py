"""A round on the in-process engine against a round of the same two apps on Flower's Simulation Runtime.

    python benchmarks/flower_runtime.py [--quick] [--repeats N] [--json FILE]

Two cores for both: Ray's actors there, two workers here; one worker is shown beside them. A round is what the journal
says it took, of the later half of a run, since processes start in the first. Workers take seconds for that, so their
rounds are those of a longer run. Local runs stand before and after each of Flower's. The final models agree to 1e-4.
"At most" is what the parts of `least.py` would leave if two cores shared all of them without a loss.
"""

import dataclasses
import statistics

import least
import numpy as np
from side_by_side import timing
from side_by_side.runs import Experiment, Played

from simulation.engines.processes import identify_process

MODEL = '{ kind = "mlp", hidden = [64] }'
CASES = [
    (Experiment("MLP, 100 of 100", MODEL, rounds=4), 40.0),
    (Experiment("MLP, 10 of 100", MODEL, cohort=10, rounds=4), 60.0),
]
AGREE = 1e-4
ROUNDS_WITH_WORKERS = 80
CORES = 2
LEAST_REPEATS = 9
WIDTHS = [18, 11, 11, 11, 8, 7, 8, 12, 12, 14]


def measure(experiment: Experiment, repeats: int) -> dict[str, float]:
    """Median seconds a round of the three sides, the ratio and the largest difference between final weights."""
    seconds: dict[str, list[float]] = {side: [] for side in ("two", "one", "flower", "run", "flower_run")}
    difference, longer = 0.0, dataclasses.replace(experiment, rounds=ROUNDS_WITH_WORKERS)
    for _ in range(repeats):
        two, one = [experiment.play("local", 2)], [experiment.play("local", 1)]
        long = [longer.play("local", 2)]
        flower = experiment.play("flower")
        two.append(experiment.play("local", 2))
        one.append(experiment.play("local", 1))
        long.append(longer.play("local", 2))
        for side, runs in (("two", long), ("one", one), ("flower", [flower])):
            seconds[side].append(_round_seconds(runs))
        difference = max(difference, *(float(np.abs(run.model - flower.model).max()) for run in two + one))
        seconds["run"].append(statistics.median(run.seconds for run in two))
        seconds["flower_run"].append(flower.seconds)
    if difference > AGREE:
        raise SystemExit(f"{experiment.name}: final weights differ by {difference:.2g}")
    parts = timing.medians(least.seconds_of(longer, LEAST_REPEATS, {}))
    return {
        **timing.medians(seconds),
        "bound": statistics.median(seconds["flower"]) / (parts["least"] / CORES),
        "ratio": timing.ratio(seconds, "flower", "two"),
        "ratio_one_worker": timing.ratio(seconds, "flower", "one"),
        "ratio_whole_run": timing.ratio(seconds, "flower_run", "run"),
        "largest_difference": difference,
    }


def _round_seconds(runs: list[Played]) -> float:
    return statistics.median(seconds for run in runs for seconds in run.later_seconds)


def main() -> None:
    """Print the table and write the figures."""
    options = timing.options_of(timing.parser("flower_runtime", __doc__ or "", repeats=1).parse_args())
    cores = timing.use_cores(CORES)
    identify_process()
    found: dict[str, object] = {"cores": cores}
    sides = ["2 workers", "1 worker", "Flower"]
    timing.print_row(
        ["one round", *sides, "ratio", "target", "at most", "(1 worker)", "(whole run)", "weights differ"], WIDTHS
    )
    for experiment, target in CASES:
        case = dataclasses.replace(experiment, rounds=3) if options.quick else experiment
        row = measure(case, options.repeats)
        found[experiment.name] = {**row, "target": target, "rounds": case.rounds, "repeats": options.repeats}
        times = [f"{1e3 * row[side]:.1f} ms" for side in ("two", "one", "flower")]
        ratios = [
            f"{row['ratio']:.1f} x",
            f"{target:g} x",
            f"{row['bound']:.1f} x",
            f"{row['ratio_one_worker']:.1f} x",
            f"{row['ratio_whole_run']:.1f} x",
        ]
        timing.print_row([experiment.name, *times, *ratios, f"{row['largest_difference']:.1g}"], WIDTHS)
    timing.write(options.json, found)


if __name__ == "__main__":
    main()
