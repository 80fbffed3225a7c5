"""Whole runs against other simulators of federated learning: pfl-research and BlazeFL, on the same experiment.

    python benchmarks/peers.py [--quick] [--install] [--pfl PYTHON] [--blazefl PYTHON] [--repeats N] [--json FILE]

Same clients, starting weights, rounds and evaluation, one core and one thread for everybody. Each peer runs in an
environment of its own, in a process that stays, so that sides take turns: the interpreter named, or one that
`--install` makes in a temporary folder. What cannot be installed or run is left out, and the table says so.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from side_by_side import loops, timing
from side_by_side.runs import Experiment

CASES = [
    (Experiment("MLP, 100 of 100", '{ kind = "mlp", hidden = [64] }'), "mlp", 2.5),
    (Experiment("CNN, 10 of 100", '{ kind = "cnn", activation = "relu" }', cohort=10), "cnn", 1.2),
]
PROGRAMS = Path(__file__).parent / "peer_programs"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
INSTALL_S = 900
WIDTHS = [18, 13, 9, 9, 8, 7, 15]


@dataclass(frozen=True)
class Peer:
    """Another simulator: the program that plays the experiment on it, and what pip is asked for, step by step."""

    name: str
    program: str
    steps: tuple[tuple[str, ...], ...]


# BlazeFL 2.0.3 asks for Python 3.12 and runs on 3.11; what it needs must still fit the Python there is.
PEERS = [
    Peer("pfl-research", "pfl_research.py", (("pfl[pytorch]==0.6.0",),)),
    Peer(
        "BlazeFL",
        "blazefl_fedavg.py",
        (("numpy", "tqdm"), ("--ignore-requires-python", "--no-deps", "blazefl==2.0.3")),
    ),
]


class NotThere(Exception):
    """A peer cannot be installed or run; says why."""


def installed(peer: Peer, folder: Path) -> Path:
    """The interpreter of a fresh environment with the peer in it. Raises NotThere where pip fails."""
    home = folder / peer.program.removesuffix(".py")
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, capture_output=True, timeout=INSTALL_S)
        torch_first = ("--retries", "1", "--extra-index-url", TORCH_INDEX, f"torch=={torch.__version__.split('+')[0]}")
        for wanted in (torch_first, *peer.steps):
            subprocess.run([*pip, *wanted], check=True, capture_output=True, timeout=INSTALL_S)
    except (subprocess.SubprocessError, OSError) as error:
        told = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
        reason = next((line for line in told if line.startswith("ERROR")), str(error))
        raise NotThere(f"cannot be installed: {reason}") from error
    return home / "bin" / "python"


@contextmanager
def playing(python: Path, peer: Peer, case: Path) -> Iterator[Callable[[], tuple[float, float]]]:
    """A process that plays the case on demand and tells its seconds and accuracy. Raises NotThere if it cannot."""
    log = case.with_suffix(f".{peer.program}.log")
    try:
        with log.open("w", encoding="utf-8") as said:
            process = subprocess.Popen(
                [str(python), str(PROGRAMS / peer.program), str(case)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True,
            )  # fmt: skip
    except OSError as error:
        raise NotThere(f"cannot be started: {error}") from error
    assert process.stdin is not None
    assert process.stdout is not None
    answers = process.stdout

    def answer() -> str:
        line = answers.readline()
        if not line:
            raise NotThere(f"ended: {log.read_text(encoding='utf-8').strip().splitlines()[-1:] or 'without a word'}")
        return line

    def play() -> tuple[float, float]:
        print("play", file=process.stdin, flush=True)
        seconds, accuracy = json.loads(answer())
        return float(seconds), float(accuracy)

    with process:
        try:
            answer()
            yield play
        finally:
            process.stdin.close()


def archive(experiment: Experiment, model: str, folder: Path) -> Path:
    """Write the experiment as tensors that a peer's program can read.

    Each client's records are shuffled once: the data are sorted by class, and not every peer shuffles.
    """
    setting, path = loops.set_up(experiment.scenario()), folder / f"{model}.pt"
    shuffle = torch.Generator().manual_seed(setting.scenario.seed)
    orders = [torch.randperm(len(labels), generator=shuffle) for _, labels in setting.clients]
    case = {
        "model": model,
        "rounds": experiment.rounds,
        "cohort": experiment.cohort,
        "batch_size": setting.scenario.training.batch_size,
        "learning_rate": experiment.learning_rate,
        "start": torch.cat([weight.flatten() for weight in setting.start]),
        "clients": [
            (inputs[order], labels[order]) for (inputs, labels), order in zip(setting.clients, orders, strict=True)
        ],
        "test": setting.test,
        "test_batch": loops.TEST_BATCH,
    }
    torch.save(case, path)
    return path


def compare(
    experiment: Experiment, peer: Peer, python: Path | NotThere, case: Path, repeats: int
) -> dict[str, float] | dict[str, str]:
    """Median seconds of both sides, the ratio and both accuracies, or why not; a side's first run does not count."""
    if isinstance(python, NotThere):
        return {"not_measured": str(python)}
    try:
        with playing(python, peer, case) as play:
            ours, (_, theirs) = experiment.play("local").accuracy, play()
            seconds = timing.alternate({"run": experiment.timed(), "peer": lambda: play()[0]}, repeats)
    except NotThere as reason:
        return {"not_measured": str(reason)}
    return {
        **timing.medians(seconds),
        "ratio": timing.ratio(seconds, "peer", "run"),
        "accuracy": ours,
        "peer_accuracy": theirs,
        "repeats": repeats,
    }


def interpreters(given: dict[str, Path | None], install: bool, folder: Path) -> Iterator[tuple[Peer, Path | NotThere]]:
    """Each peer with the interpreter to use, or why there is none."""
    for peer in PEERS:
        try:
            python = given[peer.name] or (installed(peer, folder) if install else None)
            yield peer, python or NotThere("not measured: give --install, or an interpreter that has it")
        except NotThere as reason:
            yield peer, reason


def main() -> None:
    """Print the table and write the figures."""
    parser = timing.parser("peers", __doc__ or "", repeats=3)
    parser.add_argument("--install", action="store_true", help="make an environment for each peer not given")
    parser.add_argument("--pfl", type=Path, metavar="PYTHON", help="an interpreter with pfl-research")
    parser.add_argument("--blazefl", type=Path, metavar="PYTHON", help="an interpreter with BlazeFL")
    parsed = parser.parse_args()
    options = timing.options_of(parsed)
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="fedcrucible-peers-") as name:
        folder = Path(name)
        given = {"pfl-research": parsed.pfl, "BlazeFL": parsed.blazefl}
        pythons = list(interpreters(given, parsed.install, folder))
        timing.use_cores(1)
        timing.print_row(["whole run", "peer", "ours", "peer", "ratio", "target", "accuracy"], WIDTHS)
        for experiment, model, target in CASES:
            case = dataclasses.replace(experiment, rounds=10) if options.quick else experiment
            path = archive(case, model, folder)
            for peer, python in pythons:
                figures = compare(case, peer, python, path, options.repeats)
                found[f"{peer.name}, {case.name}"] = {**figures, "target": target, "rounds": case.rounds}
                if "not_measured" in figures:
                    timing.print_row([case.name, peer.name, figures["not_measured"]], [18, 13, 0])
                    continue
                times = [f"{figures[side]:.3f} s" for side in ("run", "peer")]
                accuracies = f"{figures['accuracy']:.3f} / {figures['peer_accuracy']:.3f}"
                ratios = [f"{figures['ratio']:.2f} x", f"{target:g} x"]
                timing.print_row([case.name, peer.name, *times, *ratios, accuracies], WIDTHS)
    timing.write(options.json, found)


if __name__ == "__main__":
    main()
