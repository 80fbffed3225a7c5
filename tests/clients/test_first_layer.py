"""The first layer's gradients kept as factors: the same updates, where it serves, and nowhere else."""

import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
from cohorts import agree, images, job, start_of, steps
from hypothesis import given, settings

from clients import training
from clients.cohort import first_layer
from clients.cohort.network import network_of
from clients.jobs import Pull, Teacher
from scenarios.models import Cnn, Hog, Logistic, Mlp

pytestmark = pytest.mark.filterwarnings("error:The given NumPy array:UserWarning")

DATA = images()
MLP = Mlp(hidden=(64, 5), activation="tanh")
START = start_of(MLP, DATA)
START.setflags(write=False)  # as workers see a round's model


def served(jobs):
    """Whether the jobs, all of one chunk, are trained so."""
    network = network_of(jobs[0].model, jobs[0].features.shape[1:], jobs[0].classes)
    return first_layer.fitting(network, jobs) is not None


def mlp_job(client, records, **changes):
    return job(MLP, DATA, client, records, start=START, **changes)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 23), min_size=1, max_size=6), st.integers(1, 9), st.integers(1, 3))
def test_the_updates_are_those_of_each_client_alone(sizes, batch, epochs):
    jobs = [mlp_job(k, n, batch_size=batch, epochs=epochs) for k, n in enumerate(sizes)]
    assert served(jobs)
    agree(jobs)


def test_clients_may_differ_in_everything_but_their_start():
    jobs = [mlp_job(0, 20, batch_size=7), mlp_job(1, 9, batch_size=2, epochs=2), mlp_job(2, 1)]
    assert served(jobs)
    agree(jobs)


def test_rows_that_are_kept_serve_the_data_and_the_records_they_are_of():
    brighter, smaller = DATA.features * np.float32(1.5), np.arange(12)
    for changes in ({}, {"features": brighter}, {"records": smaller}, {"labels": (DATA.labels + 1) % 3}, {}):
        agree([dataclasses.replace(mlp_job(k, 20), **changes) for k in range(3)])


def test_classes_outside_of_the_label_space_take_no_part():
    classes = np.array([True, True, False])
    records = np.flatnonzero(DATA.labels < 2)[:20].astype(np.int64)
    jobs = [dataclasses.replace(mlp_job(k, 20), records=records[k:], allowed=classes) for k in range(3)]
    assert served(jobs)
    agree(jobs)


def test_a_record_outside_of_the_batch_cannot_be_felt():
    changed = DATA.features.copy()
    changed[12:] = np.nan
    jobs = [mlp_job(k, 10) for k in range(3)]
    poisoned = [dataclasses.replace(one, features=changed) for one in jobs]
    assert served(jobs)
    for before, after in zip(training.train(jobs), training.train(poisoned), strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize(
    "changes",
    [
        {"private": steps(2, 0.5)},
        {"pull": Pull(START, 0.1)},
        {"teacher": Teacher(START, 1.0, 2.0)},
        {"start": START.copy()},
        {"records": np.arange(65)},
        {"training": mlp_job(0, 9, momentum=0.9).training},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_jobs_are_trained_as_ever(changes):
    jobs = [mlp_job(0, 9), dataclasses.replace(mlp_job(1, 9), **changes)]
    jobs = jobs if "start" in changes else jobs[1:]
    assert not served(jobs)
    agree(jobs)


@pytest.mark.parametrize("model", [Cnn(), Logistic(), Hog()], ids=lambda model: model.kind)
def test_networks_without_a_wide_linear_layer_in_front_are_trained_as_ever(model):
    data = images(shape=(1, 28, 28))
    start = start_of(model, data)
    assert not served([job(model, data, k, 9, start=start) for k in range(2)])
