"""What membership inference finds on models that learned by heart, and what is left of it under privacy."""

import time

import numpy as np
import pytest

from scenarios.datasets import load
from scenarios.records import records_of
from scenarios.seeds import stream
from scenarios.source import read
from server.run_directory.files import RunDirectory
from simulation import auditing, running
from simulation.auditing.shadows import train_shadows

pytestmark = pytest.mark.slow

PRIVATE = ["privacy.kind=dp-sgd", "privacy.epsilon=1", "privacy.delta=1e-4", "training.momentum=0.0"]


def audited(path, *overrides, audits=()):
    directory = RunDirectory(running.start("can-you-be-found", list(overrides), "local", 1, path))
    begun = time.process_time()
    found = auditing.audit(directory.path, list(audits))
    return {one.facts["attack"]: one for one in found}, time.process_time() - begun


def best(found):
    """AUC and the rate at 1% false alarms of the better of the two attacks with shadows."""
    return max((found[name].value, found[name].facts["true_positive_rates"][0]["tpr"]) for name in ("lira", "rmia"))


def test_a_model_that_learned_by_heart_gives_members_away_in_two_minutes(tmp_path):
    found, seconds = audited(tmp_path / "run")
    area, rate = best(found)
    assert area >= 0.65
    assert rate >= 0.08
    assert seconds < 120


def test_with_a_fifth_of_the_labels_wrong_it_gives_more_away(tmp_path):
    dataset = load(read("can-you-be-found").scenario.data.dataset)
    rng, labels = stream(1, "noise"), dataset.labels.copy()
    wrong = rng.random(len(labels)) < 0.2
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, int(wrong.sum()))) % 10
    np.savez(tmp_path / "noisy.npz", x=dataset.inputs, y=labels)
    data = f'data.dataset={{ kind = "file", path = "{tmp_path / "noisy.npz"}" }}'
    found, _ = audited(tmp_path / "run", data)
    assert best(found)[0] >= 0.80


def test_under_epsilon_1_the_attacks_are_left_guessing(tmp_path):
    found, _ = audited(tmp_path / "run", *PRIVATE, audits=['audit=[{ kind = "membership-inference", shadows = 4 }]'])
    for one in found.values():
        assert one.low <= 0.5 <= one.high
        assert one.facts["true_positive_rates"][0]["tpr"] < 0.03


def test_shadows_are_as_large_as_the_run():
    scenario = read("can-you-be-found", ["federation.rounds=1", "training.epochs=1"]).scenario
    trained = train_shadows(scenario, 2).trained
    assert (trained.sum(1) == sum(map(len, records_of(scenario).division.train))).all()
