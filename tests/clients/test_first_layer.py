"""Training in the span of a client's own rows: the same updates and the same noise, where it serves."""

import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from cohorts import CLOSE, AnyModule, agree, apart, images, job, span_of, start_of, steps
from hypothesis import given, settings

from clients import training
from clients.batches import batches_of
from clients.cohort import first_layer, privacy
from clients.cohort.network import network_of
from clients.jobs import Pull, Teacher
from scenarios.models import Cnn, Hog, Logistic, Mlp

pytestmark = pytest.mark.filterwarnings("error:The given NumPy array:UserWarning")

DATA = images()
MLP = Mlp(hidden=(32, 5), activation="tanh")
START = start_of(MLP, DATA)
START.setflags(write=False)  # as workers see a round's model
PURE_NOISE = steps(3, 1e-9, noise_multiplier=1.0)


def network(one):
    return network_of(one.model, one.features.shape[1:], one.classes)


def served(jobs):
    """Whether each of the jobs is trained so."""
    return all(first_layer.serves(network(one), one) for one in jobs)


def mlp_job(client, records, **changes):
    return job(MLP, DATA, client, records, start=START, **changes)


sizes = st.lists(st.integers(1, 23), min_size=1, max_size=6)
momenta = st.sampled_from([0.0, 0.5])


@settings(deadline=None, max_examples=60)
@given(sizes, st.integers(1, 9), st.integers(1, 3), momenta)
def test_the_updates_are_those_of_each_client_alone(sizes, batch, epochs, momentum):
    jobs = [mlp_job(k, n, batch_size=batch, epochs=epochs, momentum=momentum) for k, n in enumerate(sizes)]
    assert served(jobs)
    agree(jobs)


@settings(deadline=None, max_examples=60)
@given(sizes, momenta, st.data())
def test_private_updates_are_those_of_opacus_on_the_whole_model(sizes, momentum, data):
    def plan():
        noise, rate = data.draw(st.sampled_from([1e-3, 1.0])), data.draw(st.floats(0.05, 1.0))
        return steps(data.draw(st.integers(2, 9)), rate, noise_multiplier=noise, momentum=momentum)

    jobs = [mlp_job(k, n, momentum=momentum, private=plan()) for k, n in enumerate(sizes)]
    assert served(jobs)
    agree(jobs)


def test_clients_may_differ_in_everything():
    jobs = [mlp_job(0, 20, batch_size=7), mlp_job(1, 9, batch_size=2, epochs=2), mlp_job(2, 1)]
    jobs.append(dataclasses.replace(mlp_job(3, 8), start=start_of(MLP, DATA, seed=2)))
    assert served(jobs)
    agree(jobs)


@pytest.mark.parametrize("private", [None, steps(2, 0.5)])
def test_who_is_trained_so_and_who_is_not_may_share_a_chunk(private):
    jobs = [mlp_job(k, n, private=private) for k, n in enumerate([9, 64, 12, 70])]
    assert [served([one]) for one in jobs] == [True, False, True, False]
    assert len(training.chunks(jobs)) == 1
    agree(jobs)


def test_a_linear_model_is_trained_so_too():
    jobs = [job(Logistic(), DATA, k, 3, private=private) for k in range(3) for private in (None, steps(2, 0.5))]
    assert served(jobs)
    agree(jobs)


def test_spans_that_are_kept_serve_the_data_and_the_records_they_are_of():
    brighter, smaller = DATA.features * np.float32(1.5), np.arange(12)
    for changes in ({}, {"features": brighter}, {"records": smaller}, {"labels": (DATA.labels + 1) % 3}, {}):
        agree([dataclasses.replace(mlp_job(k, 20), **changes) for k in range(3)])


def test_classes_outside_of_the_label_space_take_no_part():
    classes = np.array([True, True, False])
    records = np.flatnonzero(DATA.labels < 2)[:20].astype(np.int64)
    jobs = [dataclasses.replace(mlp_job(k, 20), records=records[k:], allowed=classes) for k in range(3)]
    assert served(jobs)
    agree(jobs)


def test_the_records_of_others_cannot_be_felt():
    changed = DATA.features.copy()
    changed[12:] = np.nan
    jobs = [mlp_job(k, 10) for k in range(3)]
    assert served(jobs)
    poisoned = [dataclasses.replace(one, features=changed) for one in jobs]
    for before, after in zip(training.train(jobs), training.train(poisoned), strict=True):
        assert np.array_equal(before, after)


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38, 1e25])
def test_an_own_record_outside_of_the_batches_has_no_part_but_in_the_basis(value):
    one = mlp_job(0, 12, private=steps(2, 0.3, noise_multiplier=1e-9))
    taken = np.unique(np.concatenate(batches_of(one)))
    assert 0 < len(taken) < 12
    changed = DATA.features.copy()
    changed[np.delete(one.records, taken)] = value
    [before], [after] = training.train([one]), training.train([dataclasses.replace(one, features=changed)])
    assert apart(after, before, one) < CLOSE


def rows_with(*changes):
    features = DATA.features[:12].copy()
    for place, row in changes:
        features[place] = row
    return features


@pytest.mark.parametrize(
    "features",
    [
        rows_with(),
        rows_with((3, DATA.features[4]), (7, DATA.features[4])),
        rows_with((3, 0.0)),
        rows_with((3, DATA.features[4] * np.float32(1 + 1e-6))),
        rows_with((0, 1e20), (5, 1e-20)),
    ],
    ids=["independent", "thrice the same", "zeros", "nearly the same", "all sizes"],
)
def test_a_basis_is_orthonormal_and_spans_the_rows(features):
    one = dataclasses.replace(mlp_job(0, 12), features=features, labels=DATA.labels[:12])
    span = span_of(network(one), one)
    assert torch.allclose(span.basis @ span.basis.T, torch.eye(12), atol=2e-6)
    rows = features.reshape(12, -1)
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    assert (np.abs(span.coordinates @ span.basis.numpy() - rows).max(1) <= 2e-6 * lengths).all()
    if lengths.max() < 1e10:  # the products of longer ones end in rounding alone
        agree([dataclasses.replace(one, private=PURE_NOISE), one])


def test_a_row_without_a_length_has_no_coordinates_and_does_no_harm():
    features = rows_with((2, np.nan), (5, np.inf), (6, 3e38))
    one = dataclasses.replace(mlp_job(0, 12), features=features, labels=DATA.labels[:12])
    span = span_of(network(one), one)
    assert np.flatnonzero(np.isnan(span.coordinates).any(1)).tolist() == [2, 5, 6]
    assert torch.allclose(span.basis @ span.basis.T, torch.eye(12), atol=2e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.8])
@pytest.mark.parametrize("system", [False, True])
def test_the_noise_is_white_whatever_the_rows(momentum, system):
    # No record is drawn, so an update is noise. Its coordinates along the basis and beside it are all alike.
    plan = dataclasses.replace(PURE_NOISE, momentum=momentum)
    records = np.arange(20, dtype=np.int64)
    many = [dataclasses.replace(mlp_job(k, 20, private=plan), records=records, system_noise=system) for k in range(300)]
    assert served(many[:1])
    basis = span_of(network(many[0]), many[0]).basis.T
    whole, _ = torch.linalg.qr(torch.hstack([basis, torch.randn(64, 44, generator=torch.Generator().manual_seed(1))]))
    updates = torch.from_numpy(np.stack(training.train(many)))[:, : 32 * 64].reshape(-1, 64)
    found = updates @ whole
    weights = np.cumsum(momentum ** np.arange(3))
    found /= 0.05 / many[0].expected_batch * float(np.linalg.norm(weights))
    covariance = found.T @ found / len(found)  # of 9,600 draws: its entries' standard errors are 0.01 and 0.014
    assert (covariance - torch.eye(64)).abs().max() < 0.07
    assert abs(float(covariance.diagonal().mean()) - 1.0) < 0.01


@pytest.mark.parametrize(
    "changes",
    [
        {"pull": Pull(START, 0.1)},
        {"teacher": Teacher(START, 1.0, 2.0)},
        {"records": np.arange(33)},
        {"private": steps(9, 0.5), "records": np.arange(33)},
        {"private": steps(1, 0.5)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_jobs_are_trained_as_ever(changes):
    jobs = [dataclasses.replace(mlp_job(1, 9), **changes)]
    assert not served(jobs)
    agree(jobs)


@pytest.mark.parametrize("model", [Cnn(), Logistic(), Hog()], ids=lambda model: model.kind)
def test_convolutions_and_more_rows_than_outputs_are_trained_as_ever(model):
    data = images(shape=(1, 28, 28))
    assert not served([job(model, data, k, 11) for k in range(2)])


def _without_a_bias(shape, classes):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, classes, bias=False))


def test_a_layer_without_a_bias_is_trained_so_too():
    model = AnyModule(_without_a_bias)
    jobs = [job(model, DATA, k, 3, private=private) for k in range(3) for private in (None, steps(3, 0.5))]
    assert served(jobs)
    agree(jobs)


@pytest.mark.parametrize("kept", [1, 4000, 20_000])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_noise_that_is_drawn_again_is_new(kept, momentum, monkeypatch):
    # Clients of different widths, of which some have ended when the others' next noise is drawn.
    monkeypatch.setattr(privacy, "_KEPT", kept)
    plans = [steps(count, 0.5, noise_multiplier=1.0, momentum=momentum) for count in (19, 3, 7, 11)]
    jobs = [mlp_job(k, 20 - 4 * k, private=plan) for k, plan in enumerate(plans)]
    assert served(jobs)
    agree(jobs)
    agree([job(MLP, DATA, k, 64, private=plan) for k, plan in enumerate(plans)])


def test_an_input_that_is_zero_in_every_record_does_not_show_in_the_last_bits():
    # Noise to which nothing is added is a float32 times the deviation. No other number need be one.
    features = DATA.features.copy()
    features[:, 0, 3, 3] = 0.0
    seen = features.copy()
    seen[4, 0, 3, 3] = 0.004
    plan = steps(3, 0.2, noise_multiplier=1.3)
    share = []
    for values in (features, seen):
        many = [
            dataclasses.replace(mlp_job(k, 20, private=plan), records=np.arange(20, dtype=np.int64), features=values)
            for k in range(200)
        ]
        assert served(many[:1])
        deviation = np.float32(first_layer._deviation(many[0]))
        weights = np.stack(training.train(many))[:, : 32 * 64].reshape(-1, 32, 64)[:, :, 27]
        nearest = (weights / deviation).astype(np.float32)
        tries = [np.nextafter(nearest, np.float32(way)) for way in (-np.inf, np.inf)]
        hit = np.any([(one * deviation) == weights for one in (nearest, *tries)], axis=0)
        share.append(hit.all(axis=1).mean())
    assert share[0] < 0.5  # it was 1.0
    assert abs(share[0] - share[1]) < 0.15


@pytest.mark.parametrize(
    ("model", "private", "rounds", "clients", "expected"),
    [
        (Mlp(), None, 20, 100, True),
        (Mlp(), None, 5, 100, False),  # a span takes longer to find than it saves in twelve rounds
        (Mlp(), None, 20, 513, False),  # so many are not kept
        (Mlp(), steps(4, 0.25), 1, 10_000, True),  # the noise that it saves in one round is more
        (Logistic(), steps(4, 0.25), 5, 100, True),
        (Logistic(), steps(4, 0.25), 4, 100, False),
        (Logistic(), steps(4, 0.25), 50, 513, False),
    ],
)
def test_a_span_is_found_where_it_serves_enough_rounds(model, private, rounds, clients, expected):
    data = images(shape=(1, 28, 28), classes=10)
    one = job(model, data, 0, 40, private=private)
    assert served([one])
    assert served([dataclasses.replace(one, expected_rounds=rounds, clients=clients)]) is expected
