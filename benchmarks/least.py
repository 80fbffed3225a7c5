"""The least that a round of many small clients takes: what cannot be left out, without anything that holds it together.

    python benchmarks/least.py [--quick] [--repeats N] [--json FILE]

Training is that of the run. Beside it stand, for each client, two Flower messages with the records they carry; one
BLAKE3 hash, one signature and the one copy that makes an upload of an update; a check that it is finite, and its share
of the sum. Then the evaluation, and the processor time of writing the round down: a line of the journal with a report
for each client, and a checkpoint with the memories of those that a private round has changed. Nothing is planned,
admitted, charged, accounted for, traced or remembered. What the loop takes, divided by that, bounds how many times as
fast as the loop a run can be with these parts. One core, one thread, in turn.
"""

import dataclasses
import json
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import opacus_engines
import plain_loop
from blake3 import blake3
from cohort_kernel import jobs_of
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict
from side_by_side import loops, timing
from side_by_side.runs import Experiment

from clients import training
from privacy import ledger
from privacy.view import Vector
from server.run_directory import journal
from server.run_directory.checkpoint import Checkpoint, Checkpoints, ClientState
from simulation.engines.processes import identify_process

ROUNDS = 2
HEADER = bytes(136)
CASES = [plain_loop.CASES[0], opacus_engines.CASES[0], opacus_engines.CASES[2]]
PARTS = ["training", "messages", "sealing", "summing", "scoring", "writing"]
WIDTHS = [26, 9, 9, 9, 9, 9, 9, 9, 9, 9, 7]
REPORT = {"status": "trained", "reason": "", "weight": 0.01, "seconds": 0.001, "saturated": 0, "ignored_replies": 0}


class Round:
    """The parts of one round of an experiment's clients, and what the round is written down in."""

    def __init__(self, experiment: Experiment, folder: Path) -> None:
        scenario = experiment.scenario()
        self._setting = loops.set_up(scenario)
        rounds = experiment.rounds * experiment.cohort / experiment.clients
        self._jobs = [
            dataclasses.replace(job, clients=experiment.clients, expected_rounds=rounds)
            for job in jobs_of(scenario.model, experiment.cohort, experiment.is_private)
        ]
        self._updates = training.train(self._jobs)
        self._keys = [Ed25519PrivateKey.generate() for _ in self._updates]
        self._uploads = [update.tobytes() for update in self._updates]
        self._scenario = scenario.model_dump_json()
        self._content = RecordDict(
            {
                "request": ConfigRecord({"phase": "update", "parameters": len(self._updates[0])}),
                "arrays": ArrayRecord({"parameters": Array(self._jobs[0].start)}),
            }
        )
        self._folder, self._checkpoints = folder, Checkpoints(folder)
        rows = [() if job.private is None else job.private.charges for job in self._jobs]
        sizes = {"sent_bytes": len(self._uploads[0]), "received_bytes": len(self._uploads[0])}
        self._reports = {
            str(client): {**REPORT, **sizes, "ledger": ledger.to_rows(own)} for client, own in enumerate(rows)
        }
        self._known: dict[int, ClientState] = {
            client: {"ledger": ledger.to_json(own), "secret": bytes(32), "scenario": self._scenario, "round": 1}
            for client, own in enumerate(rows)
        }

    def training(self) -> None:
        """Local training of all clients."""
        training.train(self._jobs)

    def messages(self) -> None:
        """Each client's message and its reply."""
        for client, upload in enumerate(self._uploads):
            content, own = self._content.copy(), json.dumps({"client": client, "round": 1, "weight": 0.01})
            content["plan"] = ConfigRecord({"own": own, "scenario": self._scenario})
            message = Message(content, dst_node_id=1000 + client, message_type="train")
            fields = ConfigRecord({"status": "trained", "envelope": upload, "seconds": 0.001, "ledger": "[]"})
            Message(RecordDict({"reply": fields}), reply_to=message)

    def sealing(self) -> None:
        """Each update hashed, signed and copied into its upload."""
        for key, update in zip(self._keys, self._updates, strict=True):
            digest = blake3(update.data.cast("B")).digest()
            b"".join((HEADER, key.sign(HEADER + digest), update.data))

    def summing(self) -> None:
        """Each update checked and added."""
        total, weighted = (np.zeros(len(self._updates[0]), np.float64) for _ in range(2))
        for upload in self._uploads:
            update: Vector = np.frombuffer(upload, "<f4")
            if not np.isfinite(np.dot(update, update)):
                raise SystemExit("an update is not finite")
            total += np.multiply(update, 0.01, out=weighted, dtype=np.float64)

    def scoring(self) -> None:
        """The evaluation."""
        self._setting.accuracy()

    def writing(self) -> None:
        """The line and the checkpoint, with all that is new in them."""
        line = journal.link(journal.GENESIS, {"kind": "round", "round": 1, "reports": self._reports})
        memories = {
            client: {**known} if job.private else known
            for (client, known), job in zip(self._known.items(), self._jobs, strict=True)
        }
        self._checkpoints.write(Checkpoint(1, {"parameters": self._jobs[0].start}, b"", line, memories))
        journal.append(self._folder / "journal.jsonl", line)

    def sides(self) -> dict[str, Callable[[], float]]:
        """Each part, returning its seconds: of writing the processor's, since a run does not wait for the disk."""
        clocks = dict.fromkeys(PARTS, time.perf_counter) | {"writing": time.process_time}
        return {name: timing.timed(getattr(self, name), clock) for name, clock in clocks.items()}


def seconds_of(experiment: Experiment, repeats: int, beside: Mapping[str, Callable[[], float]]) -> timing.Seconds:
    """By repeat, the seconds of each part, of all of them as "least", and of what is measured beside them."""
    with tempfile.TemporaryDirectory(prefix="fedcrucible-bench-") as folder:
        sides = {**Round(experiment, Path(folder)).sides(), **beside}
        timing.alternate(sides, 1)
        seconds = timing.alternate(sides, repeats)
    return {**seconds, "least": [sum(seconds[part][repeat] for part in PARTS) for repeat in range(repeats)]}


def measure(experiment: Experiment, repeats: int) -> dict[str, float]:
    """Milliseconds of each part and of a round of the loop, and how many times the parts' sum that is."""
    setting = loops.set_up(dataclasses.replace(experiment, rounds=ROUNDS).scenario())
    loop = timing.timed(lambda: loops.federated(setting))
    seconds = seconds_of(experiment, repeats, {"loop": lambda: loop() / ROUNDS})
    return {
        **{f"{name}_ms": 1e3 * value for name, value in timing.medians(seconds).items()},
        "bound": timing.ratio(seconds, "loop", "least"),
    }


def main() -> None:
    """Print the table and write the figures."""
    options = timing.options_of(timing.parser("least", __doc__ or "", repeats=9).parse_args())
    timing.use_cores(1)
    identify_process()
    warnings.simplefilter("ignore")  # Opacus says at each engine that seeded noise is not for production
    found: dict[str, object] = {}
    timing.print_row(["one round, ms", *PARTS, "least", "loop", "at most", "target"], WIDTHS)
    for experiment, target in CASES:
        row = measure(experiment, options.repeats)
        found[experiment.title] = {**row, "target": target, "repeats": options.repeats}
        times = [f"{row[f'{part}_ms']:.1f}" for part in [*PARTS, "least", "loop"]]
        timing.print_row([experiment.title, *times, f"{row['bound']:.2f} x", f"{target:g} x"], WIDTHS)
    timing.write(options.json, found)


if __name__ == "__main__":
    main()
