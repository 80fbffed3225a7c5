"""A whole run under DP-SGD against the same federated loop with a fresh Opacus engine for every client and round.

    python benchmarks/opacus_engines.py [--quick] [--repeats N] [--json FILE]

Noise multiplier 1, clipping norm 1, Poisson batches of 10 expected records. Our side also charges each client's ledger,
writes journal and checkpoints, and computes epsilon every round; the loop does not. One core, one thread, in turn.
"""

import dataclasses
import warnings

from side_by_side import loops, timing
from side_by_side.runs import Experiment

DP = '{ kind = "dp-sgd", noise_multiplier = 1.0, clip_norm = 1.0 }'
CASES = [
    (Experiment("MLP, 100 of 100", '{ kind = "mlp", hidden = [64] }', privacy=DP, rounds=10), 8.0),
    (Experiment("CNN, 10 of 100", '{ kind = "cnn", activation = "relu" }', cohort=10, privacy=DP, rounds=10), 3.0),
    (Experiment("HOG, 100 of 100", '{ kind = "hog" }', learning_rate=1.0, privacy=DP, rounds=10), 8.0),
]
WIDTHS = [18, 9, 9, 9, 7, 15]


def measure(experiment: Experiment, repeats: int) -> dict[str, float]:
    """Median seconds of both sides, the ratio and both accuracies; noise differs, so these agree only roughly."""
    setting = loops.set_up(experiment.scenario())
    accuracy, theirs = experiment.play("local").accuracy, loops.federated(setting)
    seconds = timing.alternate(
        {"run": experiment.timed(), "opacus": timing.timed(lambda: loops.federated(setting))}, repeats
    )
    return {
        **timing.medians(seconds),
        "ratio": timing.ratio(seconds, "opacus", "run"),
        "accuracy": accuracy,
        "opacus_accuracy": theirs,
    }


def main() -> None:
    """Print the table and write the figures."""
    options = timing.options_of(timing.parser("opacus_engines", __doc__ or "", repeats=3).parse_args())
    timing.use_cores(1)
    warnings.simplefilter("ignore")  # Opacus says at each engine that seeded noise is not for production
    found: dict[str, object] = {}
    timing.print_row(["whole run, DP-SGD", "ours", "Opacus", "ratio", "target", "accuracy"], WIDTHS)
    for experiment, target in CASES:
        case = dataclasses.replace(experiment, rounds=5) if options.quick else experiment
        row = measure(case, options.repeats)
        found[experiment.name] = {**row, "target": target, "rounds": case.rounds, "repeats": options.repeats}
        cells = [f"{row['run']:.3f} s", f"{row['opacus']:.3f} s", f"{row['ratio']:.2f} x", f"{target:g} x"]
        accuracies = f"{row['accuracy']:.3f} / {row['opacus_accuracy']:.3f}"
        timing.print_row([experiment.name, *cells, accuracies], WIDTHS)
    timing.write(options.json, found)


if __name__ == "__main__":
    main()
