"""Runs that differ in what they release share no noise and no coins; those that release the same share both."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from cohorts import images, job

from clients import data
from clients.batches import noise_of, sampling_of
from scenarios import source
from scenarios.models import Logistic

SCENARIO = """
format = 1
name = "named"
model = "logistic"
federation = { clients = 2, rounds = 3 }
data = { dataset = { kind = "file", path = "records.csv", label = "kind" } }
privacy = { kind = "dp-sgd", noise_multiplier = 1.0, delta = 1e-2 }
"""
RECORDS = "length,width,kind\n" + "".join(f"{n}.5,{n % 7},{n % 2}\n" for n in range(60))


def identity(folder, change=("", ""), records=RECORDS):
    folder.mkdir(exist_ok=True)
    (folder / "records.csv").write_text(records)
    (folder / "scenario.toml").write_text(SCENARIO.replace(*change) if change[0] else SCENARIO)
    return data.resident(source.read(str(folder / "scenario.toml")).scenario.model_dump_json()).identity


@pytest.mark.parametrize(
    "change",
    [
        ("noise_multiplier = 1.0", "noise_multiplier = 2.0"),
        ("delta = 1e-2", "delta = 1e-2, clip_norm = 0.5"),
        ("rounds = 3", "rounds = 4"),
        ("clients = 2", "clients = 3"),
        ("model =", "training = { learning_rate = 0.01 }\nmodel ="),
        ("model =", 'protection = "homomorphic"\nmodel ='),  # sums are rounded, and the next model is another
    ],
)
def test_what_changes_releases_changes_the_name_of_their_noise(change, tmp_path):
    assert identity(tmp_path / "a") != identity(tmp_path / "b", change)


def test_one_record_more_changes_it_too(tmp_path):
    assert identity(tmp_path / "a") != identity(tmp_path / "b", records=RECORDS + "1.5,2,0\n")


@pytest.mark.parametrize("change", [("", ""), ('name = "named"', 'name = "other"')])
def test_what_changes_no_release_does_not(change, tmp_path):
    assert identity(tmp_path / "a") == identity(tmp_path / "elsewhere", change)


def test_two_ways_to_encrypt_share_none(tmp_path):
    ways = [f"protection = {{ kind = 'homomorphic'{more} }}" for more in ("", ", value_range = 0.05")]
    one, other = (identity(tmp_path / "a", ("model =", f"{way}\nmodel =")) for way in ways)
    assert one != other


def test_jobs_of_two_runs_draw_nothing_alike():
    one, other, again = (replace(job(Logistic(), images(), 0, 20), identity=name) for name in "aba")
    for drawn in (numbers, coins):
        assert np.array_equal(drawn(one), drawn(again))
        assert not np.array_equal(drawn(one), drawn(other))


def numbers(of):
    return noise_of(of).fill(np.empty(99, np.float32))


def coins(of):
    return torch.rand(99, generator=sampling_of(of)).numpy()
