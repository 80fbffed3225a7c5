"""What continual learning is known to give, on real runs: the figures of other libraries, forgetting and unlearning."""

import json
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from safetensors.numpy import load_file

from clients import data
from server.run_directory.files import RunDirectory
from simulation import running

pytestmark = pytest.mark.slow

SEEDS = (0, 1, 2)

CENTRAL = (
    "federation.clients=1",
    "federation.rounds=25",
    "stream.rounds_per_experience=5",
    "training.epochs=1",
)
"""One client with all records, as continual learning is studied elsewhere."""


def run(folder: Path, scenario: str, *overrides: str, name: str = "run") -> RunDirectory:
    return RunDirectory(running.start(scenario, list(overrides), "local", 1, folder / name))


def average_accuracy(folder: Path, *overrides: str) -> float:
    """The mean over three seeds of `class-incremental` with these overrides."""
    found = []
    for seed in SEEDS:
        directory = run(folder, "class-incremental", f"seed={seed}", *overrides, name=f"seed-{seed}")
        found.append(json.loads(directory.summary.read_text())["average_accuracy"])
    return mean(found)


def weights(directory: RunDirectory) -> np.ndarray:
    return np.concatenate([array.ravel() for _, array in sorted(load_file(directory.model).items())])


def backdoor(directory: RunDirectory) -> dict[int, float]:
    """The backdoor's success by round."""
    lines = [json.loads(line) for line in directory.journal.read_text().splitlines()]
    return {line["round"]: line["backdoor"] for line in lines if line["kind"] == "round"}


# Avalanche, centralised, the same network and data: naive .183, replay of 200 .904, cumulative .973.


def test_naive_learning_of_one_client_keeps_only_the_last_classes(tmp_path):
    assert average_accuracy(tmp_path, *CENTRAL, "learner=naive") == pytest.approx(0.18, abs=0.03)


def test_replay_of_one_client_keeps_most_of_what_came_before(tmp_path):
    assert average_accuracy(tmp_path, *CENTRAL, "learner.memory=200") >= 0.87


def test_one_client_that_keeps_everything_learns_everything(tmp_path):
    assert average_accuracy(tmp_path, *CENTRAL, "learner=cumulative") >= 0.95


def test_ten_clients_do_as_one(tmp_path):
    naive = average_accuracy(tmp_path / "naive", "learner=naive")
    replay = average_accuracy(tmp_path / "replay")  # twenty records a client
    cumulative = average_accuracy(tmp_path / "cumulative", "learner=cumulative")
    assert (naive, replay, cumulative) == (
        pytest.approx(0.183, abs=0.05),
        pytest.approx(0.904, abs=0.05),
        pytest.approx(0.973, abs=0.05),
    )


def test_statistics_do_not_depend_on_the_order_of_the_classes(tmp_path):
    one = run(tmp_path, "statistics-never-forget", name="one")
    other = run(tmp_path, "statistics-never-forget", "stream.class_order=[3,1,4,0,9,2,8,6,5,7]", name="other")
    assert np.abs(weights(one) - weights(other)).max() <= 1e-6


@pytest.mark.parametrize("privacy", ["none", '{kind="dp-sgd",epsilon=8.0}'])
def test_a_client_whose_statistics_are_subtracted_was_never_there(tmp_path, privacy, monkeypatch):
    monkeypatch.setattr(data, "_identity", lambda *_: "any")  # runs that differ draw other noise: compare all but that
    unlearned = run(tmp_path, "statistics-never-forget", f"privacy={privacy}", name="unlearned")
    never = '[{at=1,kind="leave",clients=[9]}]'
    without = run(tmp_path, "statistics-never-forget", f"privacy={privacy}", f"event={never}", name="without")
    with_it = run(tmp_path, "statistics-never-forget", f"privacy={privacy}", "event=[]", name="with")
    assert np.abs(weights(unlearned) - weights(without)).max() <= 1e-6
    assert np.abs(weights(unlearned) - weights(with_it)).max() > 0.01


def test_statistics_add_up_under_encryption(tmp_path):
    both = 'event=[{at=6,kind="unlearn",clients=[8,9],method="subtract-statistics"}]'  # one alone would be seen
    plain = run(tmp_path, "statistics-never-forget", both, name="plain")
    encrypted = run(tmp_path, "statistics-never-forget", "protection=homomorphic", both, name="encrypted")
    first, second = (json.loads(one.summary.read_text())["accuracy"] for one in (plain, encrypted))
    assert first == pytest.approx(second, abs=0.01)


def test_a_backdoor_stays_when_its_client_leaves_and_goes_when_it_is_unlearned(tmp_path):
    success = backdoor(run(tmp_path, "leaving-is-not-forgetting"))
    assert success[20] <= 0.05  # nobody has planted it yet
    assert success[60] >= 0.3  # twenty rounds after its client left
    assert success[61] <= 0.05  # rolled back to before the client came
    assert success[80] <= 0.05
    assert success[100] <= 0.05  # retrained without it
