"""A whole run against a bare federated loop in PyTorch, and against one model that sees the same samples.

    python benchmarks/plain_loop.py [--quick] [--repeats N] [--json FILE]

Our side is everything a run does from its opened directory to its end: messages through the in-process Grid, signed
updates, journal, checkpoints, evaluation. The loop is `side_by_side.loops`. One core, one thread, the sides in turn.
"""

import dataclasses

from side_by_side import loops, timing
from side_by_side.runs import Experiment

CASES = [
    (Experiment("MLP, 100 of 100", '{ kind = "mlp", hidden = [64] }'), 3.0),
    (Experiment("CNN, 10 of 100", '{ kind = "cnn", activation = "relu" }', cohort=10), 1.25),
]
AGREE = 0.02
WIDTHS = [18, 9, 9, 9, 8, 7, 11, 15]


def measure(experiment: Experiment, repeats: int) -> dict[str, float]:
    """Median seconds of the three sides, the ratios, and both accuracies, which must agree."""
    setting = loops.set_up(experiment.scenario())
    ours, theirs = experiment.play("local"), loops.federated(setting)
    if abs(ours.accuracy - theirs) > AGREE:
        raise SystemExit(f"{experiment.name}: accuracy {ours.accuracy:.3f}, and {theirs:.3f} in the loop")
    seconds = timing.alternate(
        {
            "run": experiment.timed(),
            "loop": timing.timed(lambda: loops.federated(setting)),
            "floor": timing.timed(lambda: loops.one_model(setting)),
        },
        repeats,
    )
    return {
        **timing.medians(seconds),
        "ratio": timing.ratio(seconds, "loop", "run"),
        "above_floor": timing.ratio(seconds, "run", "floor"),
        "accuracy": ours.accuracy,
        "loop_accuracy": theirs,
    }


def main() -> None:
    """Print the table and write the figures."""
    options = timing.options_of(timing.parser("plain_loop", __doc__ or "", repeats=5).parse_args())
    timing.use_cores(1)
    found: dict[str, object] = {}
    timing.print_row(["whole run", "ours", "loop", "floor", "ratio", "target", "above floor", "accuracy"], WIDTHS)
    for experiment, target in CASES:
        case = dataclasses.replace(experiment, rounds=10) if options.quick else experiment
        row = measure(case, options.repeats)
        found[experiment.name] = {**row, "target": target, "rounds": case.rounds, "repeats": options.repeats}
        times = [f"{row[side]:.3f} s" for side in ("run", "loop", "floor")]
        ratios = [f"{row['ratio']:.2f} x", f"{target:g} x", f"{row['above_floor']:.2f} x"]
        accuracies = f"{row['accuracy']:.3f} / {row['loop_accuracy']:.3f}"
        timing.print_row([experiment.name, *times, *ratios, accuracies], WIDTHS)
    timing.write(options.json, found)


if __name__ == "__main__":
    main()
