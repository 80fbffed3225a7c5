"""The diagonal of the empirical Fisher information, with and without privacy."""

import dataclasses
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from cohorts import AnyModule, frozen, images, job, steps, tokens
from hypothesis import given, settings

from clients.fisher import fishers
from clients.jobs import Job
from scenarios import models
from scenarios.models import Cnn, Logistic, Mlp

DATA = images()
ALMOST_NO_NOISE = {"noise_multiplier": 1e-9}


def of_each_record(one: Job, clip_norm=math.inf):
    """The reference: autograd, one record after another, in float64."""
    module = one.model.build(one.features.shape[1:], one.classes)
    models.assign_parameters(module, one.start)
    module.double()
    squares = np.zeros(len(one.start))
    for record in one.records:
        module.zero_grad()
        features = torch.from_numpy(one.features[[record]])
        logits = module(features.double() if features.is_floating_point() else features)
        if one.allowed is not None:
            logits = logits[:, one.allowed]
        labels = one.labels if one.allowed is None else np.cumsum(one.allowed)[one.labels] - 1
        torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels[[record]])).backward()
        gradient = np.concatenate([parameter.grad.numpy().ravel() for parameter in module.parameters()])
        squares += (gradient * min(1.0, clip_norm / np.linalg.norm(gradient))) ** 2
    return squares / len(one.records)


def close(found, expected):
    return np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)


def test_it_is_the_mean_of_squared_gradients():
    # At zero weights a record x of class 0 has the gradient (-1/2, 1/2) times (x, 1), for x of 2 and of 4.
    data = frozen(np.array([[2.0], [4.0]], np.float32), np.array([0, 0]), 2)
    [found] = fishers([job(Logistic(), data, 0, 2, start=np.zeros(4, np.float32))])
    assert found.dtype == np.float32
    assert found.tolist() == pytest.approx([(1 + 4) / 2] * 2 + [0.25] * 2)


def test_the_clip_norm_bounds_each_record_before_it_is_squared():
    # The gradient (-1/2, 1/2) times (2, 1) has the squared norm of 5/2: clipped to 1, its squares are divided by it.
    data = frozen(np.array([[2.0]], np.float32), np.array([0]), 2)
    private = steps(1, 0.5, clip_norm=1.0, **ALMOST_NO_NOISE)
    [found] = fishers([job(Logistic(), data, 0, 1, start=np.zeros(4, np.float32), private=private)])
    assert found.tolist() == pytest.approx([0.4, 0.4, 0.1, 0.1], rel=1e-5)


@settings(deadline=None, max_examples=20)
@given(
    st.sampled_from([Logistic(), Mlp(hidden=(6,)), Mlp(hidden=(6, 5), activation="tanh")]),
    st.lists(st.integers(1, 20), min_size=1, max_size=3),
    st.one_of(st.none(), st.floats(0.1, 3.0)),
    st.booleans(),
)
def test_it_is_that_of_one_record_after_another(model, sizes, clip_norm, masked):
    private = None if clip_norm is None else steps(1, 0.5, clip_norm=clip_norm, **ALMOST_NO_NOISE)
    jobs = [job(model, DATA, client, records, private=private) for client, records in enumerate(sizes)]
    if masked:
        jobs = [dataclasses.replace(one, allowed=np.isin([0, 1, 2], DATA.labels[one.records])) for one in jobs]
    for found, one in zip(fishers(jobs), jobs, strict=True):
        # Of a single allowed class every gradient is 0, and of the noise a little stays.
        assert close(found, of_each_record(one, clip_norm or math.inf)) or found.max() < 1e-7


def test_convolutions_and_embeddings_have_one_too():
    def table(shape, classes):
        return torch.nn.Sequential(torch.nn.Embedding(7, 3), torch.nn.Flatten(), torch.nn.Linear(12, classes))

    jobs = [job(Cnn(), DATA, 0, 5), job(AnyModule(table), tokens(), 1, 5)]
    for found, one in zip(fishers(jobs), jobs, strict=True):
        assert close(found, of_each_record(one))


def test_the_noise_is_that_of_squares_over_the_number_of_records():
    features = np.zeros((4, 5000), np.float32)  # so that the weights have no gradient
    data = frozen(features, np.array([0, 0, 1, 1]), 2)
    private = steps(1, 0.5, noise_multiplier=3.0, clip_norm=0.5)
    [found] = fishers([job(Logistic(), data, 0, 4, start=np.zeros(10_002, np.float32), private=private)])
    weights = found[:10_000]
    # Half of the noise is below 0 and cut off; the mean square of the rest is half the variance, (3 * 0.5^2 / 4)^2.
    assert np.mean(weights == 0) == pytest.approx(0.5, abs=0.02)
    assert np.sqrt(2 * np.mean(weights**2)) == pytest.approx(3 * 0.25 / 4, rel=0.03)


def test_the_noise_has_a_stream_of_its_own_a_client_and_round():
    private = steps(1, 0.5, noise_multiplier=1.0)
    one = job(Logistic(), DATA, 0, 5, private=private)
    others = [dataclasses.replace(one, round=3), dataclasses.replace(one, system_noise=True)]
    first, again, *different = fishers([one, one, *others])
    assert first.tobytes() == again.tobytes()
    assert all(first.tobytes() != other.tobytes() for other in different)


def test_a_private_record_without_a_finite_gradient_counts_for_nothing():
    features = DATA.features.copy()
    features[2] = np.nan
    private = steps(1, 0.5, **ALMOST_NO_NOISE)
    spoilt = dataclasses.replace(job(Mlp(), DATA, 0, 6, private=private), features=features)
    without = dataclasses.replace(spoilt, records=np.delete(spoilt.records, 2))
    found, expected = fishers([spoilt, without])
    assert close(6 * found, 5 * expected)


def test_no_record_and_no_noise_are_refused():
    with pytest.raises(ValueError, match="record"):
        fishers([job(Logistic(), DATA, 0, 0)])
    with pytest.raises(ValueError, match="noise_multiplier"):
        fishers([job(Logistic(), DATA, 0, 5, private=steps(1, 0.5, noise_multiplier=0.0))])
