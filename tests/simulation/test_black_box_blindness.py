"""Why canaries are white box: asked about mislabelled records, a model may not tell that its noise is switched off."""

import numpy as np
import pytest

from clients.cohort import trainer
from privacy.audits import canary, one_run
from scenarios.datasets import load
from scenarios.records import records_of
from scenarios.seeds import noise_stream, stream, torch_stream
from scenarios.source import read
from server.run_directory.files import RunDirectory
from simulation import running
from simulation.auditing import membership as asking
from simulation.auditing.subject import read_subject

pytestmark = pytest.mark.slow

DELTA, CLAIMED = 1e-4, 3.0
PRIVATE = ["privacy.kind=dp-sgd", f"privacy.epsilon={CLAIMED}", f"privacy.delta={DELTA}", "training.momentum=0.0"]


@pytest.fixture
def switched_off(monkeypatch):
    """The trainer's noise, all of it zero, while everything is charged as if it were there."""

    class Silence:
        def fill(self, out):
            out[:] = 0.0
            return out

    monkeypatch.setattr(trainer, "noise_of", lambda _: Silence())


def mislabelled(folder):
    """The library's data with 1,000 wrong labels: canaries, of which the held-out half stays out."""
    dataset = load(read("can-you-be-found").scenario.data.dataset)
    rng, labels = stream(1, "labels"), dataset.labels.copy()
    canaries = np.sort(rng.choice(len(labels), 1000, replace=False))
    labels[canaries] = (labels[canaries] + rng.integers(1, 10, len(canaries))) % 10
    np.savez(folder / "canaries.npz", x=dataset.inputs, y=labels)
    return canaries, f'data.dataset={{ kind = "file", path = "{folder / "canaries.npz"}" }}'


def test_a_black_box_misses_noise_that_is_switched_off_and_canaries_in_gradients_do_not(tmp_path, switched_off):
    records, data = mislabelled(tmp_path)
    overrides = [data, *PRIVATE, "data.test_fraction=0.5", "training.learning_rate=1.0"]
    directory = RunDirectory(running.start("can-you-be-found", overrides, "local", 1, tmp_path / "run"))
    subject = read_subject(directory, [])
    inside = ~np.isin(records, records_of(subject.scenario).division.test)
    order = np.argsort(-asking._confidences(subject.scenario, subject.model, records))
    best = 0.0
    for guesses in (50, 200, len(records)):
        half = guesses // 2
        correct = int(inside[order[:half]].sum() + (~inside[order[-half:]]).sum())
        best = max(best, one_run.epsilon_lower_bound(len(records), guesses, correct, DELTA))
    assert best < CLAIMED

    rows = next(iter(subject.ledgers.values()))
    coins = stream(0, "coins").random(2000) < 0.5
    released = canary.release(rows, 1.0, coins, torch_stream(0, "batches"), noise_stream(0, "noise"), 0.0)
    assert canary.bound(released, DELTA).epsilon > CLAIMED
