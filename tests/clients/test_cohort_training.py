"""Cohorts against clients trained one after another with torch and Opacus."""

import dataclasses
import subprocess
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from cohorts import AnyModule, agree, apart, frozen, images, job, start_of, steps
from hypothesis import given, settings

from clients import alone, training
from clients.batches import batches_of
from scenarios.models import Cnn, Logistic, Mlp

DATA = images()
MODELS = [Logistic(), Mlp(hidden=(6,)), Mlp(hidden=(6, 5), activation="tanh")]
WIDE = Mlp(hidden=(1000,))  # 68,003 parameters: some thirty clients a chunk
models = st.sampled_from(MODELS)
records = st.lists(st.integers(1, 23), min_size=1, max_size=6)


@settings(deadline=None, max_examples=60)
@given(models, records, st.data())
def test_plain_sgd_is_that_of_each_client_alone(model, sizes, data):
    momentum = data.draw(st.sampled_from([0.0, 0.9]))
    epochs, batches = st.integers(1, 2), st.integers(1, 9)
    agree(
        [
            job(model, DATA, k, n, momentum=momentum, epochs=data.draw(epochs), batch_size=data.draw(batches))
            for k, n in enumerate(sizes)
        ]
    )


@settings(deadline=None, max_examples=60)
@given(models, records, st.data())
def test_dp_sgd_is_that_of_opacus_for_each_client(model, sizes, data):
    momentum = data.draw(st.sampled_from([0.0, 0.9]))
    count, rate = st.integers(1, 4), st.floats(0.05, 1.0)
    noise, clip = st.sampled_from([1e-3, 1.0]), st.floats(0.1, 3.0)
    agree(
        [
            job(
                model,
                DATA,
                k,
                n,
                private=steps(
                    data.draw(count),
                    data.draw(rate),
                    noise_multiplier=data.draw(noise),
                    clip_norm=data.draw(clip),
                    momentum=momentum,
                ),
                momentum=momentum,
            )
            for k, n in enumerate(sizes)
        ]
    )


def test_private_steps_have_their_own_learning_rate_and_momentum():
    plan = steps(3, 0.5, learning_rate=0.2, momentum=0.7)
    agree([job(MODELS[0], DATA, k, 9, private=plan, learning_rate=0.01) for k in range(2)])


def test_empty_batches_are_steps_of_pure_noise():
    jobs = [job(MODELS[1], DATA, k, 5, private=steps(3, 1e-9, noise_multiplier=1.0)) for k in range(3)]
    assert [len(batch) for batch in batches_of(jobs[0])] == [0, 0, 0]
    agree(jobs)


def test_a_client_with_an_empty_batch_among_others():
    sparse, dense = steps(3, 1e-9, noise_multiplier=1.0), steps(2, 1.0, noise_multiplier=1.0)
    agree([job(MODELS[1], DATA, k, 5, private=plan) for k, plan in enumerate([dense, sparse, dense])])


@pytest.mark.parametrize("private", [None, steps(3, 0.4, noise_multiplier=1.0)])
def test_the_company_changes_an_update_by_rounding_only(private):
    jobs = [job(MODELS[2], DATA, k, 3 + 2 * k, private=private) for k in range(8)]
    together = training.train(jobs)
    backwards = training.train(jobs[::-1])[::-1]
    single = [training.train([one])[0] for one in jobs]
    for one, found, other, by_itself in zip(jobs, together, backwards, single, strict=True):
        # A private update is rounded to a grid, from one line of which to the next a rounding error may take it.
        close = 1e-6 if private is None else 5e-6
        assert apart(other, found, one) < close
        assert apart(by_itself, found, one) < close


@pytest.mark.parametrize("private", [None, steps(3, 0.4, noise_multiplier=1.0)])
def test_the_same_jobs_give_the_same_bits(private):
    jobs = [job(MODELS[1], DATA, k, 3 + k, private=private) for k in range(5)]
    assert [found.tobytes() for found in training.train(jobs)] == [found.tobytes() for found in training.train(jobs)]


def test_jobs_that_agree_on_nothing_are_trained_in_their_order():
    other = images(shape=(5,), seed=8)
    agree(
        [
            job(MODELS[0], DATA, 0, 9),
            job(MODELS[1], other, 1, 9),
            job(MODELS[0], DATA, 2, 9, private=steps(2, 0.5)),
            job(MODELS[0], DATA, 3, 9, learning_rate=0.01),
            job(MODELS[1], DATA, 4, 9, momentum=0.5),
        ]
    )


def test_chunks_hold_every_job_once_and_neighbours_in_size():
    jobs = [job(WIDE, DATA, k, 1 + k % 7, batch_size=5) for k in range(100)]
    found = training.chunks(jobs)
    assert sorted(index for chunk in found for index in chunk) == list(range(100))
    assert len(found) > 2
    sizes = [min(5, len(jobs[index].records)) for chunk in found for index in chunk]
    assert sizes == sorted(sizes, reverse=True)


def test_chunk_by_chunk_gives_the_same_bits():
    jobs = [job(WIDE, DATA, k, 1 + k % 7, private=steps(1 + k % 2, 0.5)) for k in range(100)]
    at_once = training.train(jobs)
    for chunk in training.chunks(jobs):
        for index, found in zip(chunk, training.train([jobs[index] for index in chunk]), strict=True):
            assert found.tobytes() == at_once[index].tobytes()


def test_records_outside_of_the_batch_cannot_be_felt():
    features = DATA.features.copy()
    jobs = [job(MODELS[1], DATA, k, 40, private=steps(1, 0.5)) for k in range(2)]  # too many for a basis of them
    taken = {int(one.records[place]) for one in jobs for place in batches_of(one)[0]}
    features[[row for row in range(len(features)) if row not in taken]] = np.nan
    assert len({len(batches_of(one)[0]) for one in jobs}) == 2  # so that one of the two is padded
    spoilt = [dataclasses.replace(one, features=features) for one in jobs]
    assert [found.tobytes() for found in training.train(spoilt)] == [found.tobytes() for found in training.train(jobs)]


def test_system_noise_has_the_promised_size_and_never_repeats():
    one = job(MODELS[1], DATA, 0, 6, private=steps(1, 1e-9, noise_multiplier=2.0, clip_norm=0.5))
    one = dataclasses.replace(one, system_noise=True)
    (first,), (second,) = training.train([one]), training.train([one])
    # One step of learning rate 0.05 on noise of sigma * C = 1, over the expected batch of 6e-9.
    assert float(first.std()) == pytest.approx(0.05 / 6e-9, rel=0.15)
    assert first.tobytes() != second.tobytes()


@pytest.mark.parametrize("noise", [0.0, -1.0, float("nan")])
def test_dp_sgd_without_noise_is_refused(noise):
    with pytest.raises(ValueError, match="noise_multiplier"):
        training.train([job(MODELS[0], DATA, 0, 6, private=steps(1, 0.5, noise_multiplier=noise))])


@pytest.mark.parametrize("private", [None, steps(1, 0.5)])
def test_a_client_without_records_is_refused(private):
    with pytest.raises(ValueError, match="record"):
        training.train([job(MODELS[0], DATA, 0, 0, private=private)])


def _with_a_softplus(shape, classes):
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 5), torch.nn.Softplus(), torch.nn.Linear(5, classes)
    )


def test_a_layer_without_a_rule_is_trained_alone_and_said_once(caplog):
    model = AnyModule(_with_a_softplus)
    jobs = [job(model, DATA, k, 6, private=private) for k, private in enumerate([None, steps(2, 0.5)])]
    for _ in range(2):
        assert [one.tobytes() for one in training.train(jobs)] == [alone.train(one).tobytes() for one in jobs]
    assert [record.getMessage() for record in caplog.records] == [
        "no cohort rule for this Softplus: clients train one after another"
    ]


def test_jobs_with_and_without_rules_keep_their_order():
    start = start_of(MODELS[0], DATA)
    known = job(MODELS[0], DATA, 0, 6, start=start)
    unknown = job(AnyModule(_with_a_softplus), DATA, 1, 6)
    agree([unknown, known, unknown, known])


def test_training_a_cohort_does_not_wait_for_opacus():
    code = "import sys; import clients.training; print('opacus' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def each_alone(jobs):
    return [alone.train(one) for one in jobs]


@pytest.mark.parametrize("model", [Logistic(), Mlp(), Cnn(activation="relu")], ids=lambda model: model.kind)
@pytest.mark.parametrize("value", [1e20, 3e38, np.inf, np.nan])
@pytest.mark.parametrize("train", [training.train, each_alone])
def test_a_record_that_cannot_be_clipped_counts_for_nothing(model, value, train):
    # NaN in an update would give away that the record is there; so would a sum without a bound.
    features = DATA.features.copy()
    features[3, 0, 2, 2] = value
    features[5] = value
    data = frozen(features, DATA.labels, DATA.classes)
    private = steps(1, 1.0, noise_multiplier=1e-7, learning_rate=1.0)
    jobs = [job(model, data, client, 10, private=private) for client in range(3)]
    updates = train(jobs)
    # A step of rate 1 is the clipped sum over the expected batch: at most the clip norm of 1.
    assert all(np.isfinite(update).all() and 0 < np.linalg.norm(update) <= 1.001 for update in updates)
    without = dataclasses.replace(jobs[0], records=np.delete(jobs[0].records, [3, 5]))
    [expected] = train([without])
    assert np.linalg.norm(updates[0] * 10 - expected * 8) <= 1e-4 * np.linalg.norm(expected)


def test_system_noise_draws_its_batches_from_the_system_too():
    private = steps(4, 0.5, noise_multiplier=1.0)
    one = dataclasses.replace(job(Logistic(), DATA, 1, 60, private=private), system_noise=True)
    drawn = [[batch.tolist() for batch in batches_of(one)] for _ in range(2)]
    assert drawn[0] != drawn[1]
    assert drawn[0] != [batch.tolist() for batch in batches_of(dataclasses.replace(one, system_noise=False))]
