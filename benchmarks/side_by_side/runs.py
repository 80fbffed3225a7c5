"""Whole runs in a directory of their own that is gone afterwards, as `fedcrucible run` plays them."""

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from clients import data
from privacy.view import Vector
from scenarios import source
from scenarios.schema import Scenario
from server.run_directory import journal
from server.run_directory.files import RunDirectory
from server.run_directory.opening import claimed, load, write_manifest
from simulation.engines import flower, local


@dataclass(frozen=True)
class Experiment:
    """One federated experiment on 5,000 MNIST digits: 100 clients of 40 records, 1,000 records to test on.

    `model` and `privacy` are the scenario's own TOML; `cohort` clients are drawn each round, or all where there are
    no more than that.
    """

    name: str
    model: str
    cohort: int = 100
    rounds: int = 20
    clients: int = 100
    learning_rate: float = 0.1
    dataset: str = '"mnist5k"'
    test_fraction: float = 0.2
    privacy: str = '{ kind = "none" }'
    protection: str = '{ kind = "none" }'

    @property
    def title(self) -> str:
        """The name, and whether clients train privately."""
        return self.name + (", DP-SGD" if self.is_private else "")

    @property
    def is_private(self) -> bool:
        """Whether clients train with DP-SGD."""
        return "dp-sgd" in self.privacy

    def toml(self) -> str:
        """The scenario file."""
        sampling = "all" if self.cohort >= self.clients else "fixed"
        count = "" if sampling == "all" else f", count = {self.cohort}"
        return f"""
format = 1
name = "benchmark"
seed = 7
privacy = {self.privacy}
protection = {self.protection}
model = {self.model}
data = {{ dataset = {self.dataset}, partition = "iid", test_fraction = {self.test_fraction!r} }}
federation = {{ clients = {self.clients}, rounds = {self.rounds}, sampling = {{ kind = "{sampling}"{count} }} }}
training = {{ epochs = 1, batch_size = 10, learning_rate = {self.learning_rate} }}
"""

    def scenario(self) -> Scenario:
        """The scenario, with its records loaded, divided and turned into features."""
        with tempfile.TemporaryDirectory() as folder:
            scenario = source.read(self._file(Path(folder))).scenario
        data.resident(scenario.model_dump_json())
        return scenario

    def _file(self, folder: Path) -> str:
        file = folder / "benchmark.toml"
        file.write_text(self.toml(), encoding="utf-8")
        return str(file)

    def play(self, engine: str, workers: int = 1) -> "Played":
        """Run it once, timed from the opened run directory to the end."""
        with tempfile.TemporaryDirectory() as folder:
            return play(self._file(Path(folder)), engine, workers)

    def timed(self, workers: int = 1) -> Callable[[], float]:
        """A whole run on the local engine, returning its seconds."""
        return lambda: self.play("local", workers).seconds


@dataclass(frozen=True)
class Played:
    """A finished run: its seconds, those of each round, its last accuracy and the final model float32[d]."""

    seconds: float
    round_seconds: list[float]
    accuracy: float
    model: Vector

    @property
    def later_seconds(self) -> list[float]:
        """Those of the later half of the rounds: processes start in the first."""
        return self.round_seconds[len(self.round_seconds) // 2 :]


def play(file: str, engine: str, workers: int = 1) -> Played:
    """Run a scenario file, or one of the library, once; its records are loaded before the time begins."""
    with tempfile.TemporaryDirectory(prefix="fedcrucible-bench-") as folder:
        directory, loaded = RunDirectory(Path(folder) / "run"), load(file, ())
        with claimed(directory):
            write_manifest(directory, loaded, (), engine)
        data.resident(loaded.scenario.model_dump_json())
        begun = time.perf_counter()
        if engine == "local":
            local.run(loaded.scenario, directory, workers)
        else:
            flower.run(loaded.scenario, directory)
        return _played(directory, time.perf_counter() - begun)


def _played(directory: RunDirectory, seconds: float) -> Played:
    rounds = [record for record in journal.read(directory.journal) if record["kind"] == "round"]
    arrays = load_file(directory.model)
    summary = json.loads(directory.summary.read_text(encoding="utf-8"))
    return Played(
        seconds=seconds,
        round_seconds=[float(record["seconds"]) for record in rounds],
        accuracy=float(summary["accuracy"]),
        model=np.concatenate([arrays[name].ravel() for name in sorted(arrays)]),
    )
