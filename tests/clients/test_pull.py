"""Training that is pulled towards other parameters: FedProx and elastic weight consolidation."""

import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
from cohorts import agree, frozen, images, job, start_of, steps
from hypothesis import given, settings

from clients import alone, training
from clients.jobs import Pull
from scenarios.models import Cnn, Logistic, Mlp

DATA = images()
SMALL = Mlp(hidden=(6,))
ELSEWHERE = start_of(SMALL, DATA, seed=1)
FISHER = start_of(SMALL, DATA, seed=2) ** 2


def pulled(pull, client=0, records=6, model=SMALL, **changes):
    return dataclasses.replace(job(model, DATA, client, records, **changes), pull=pull)


def each_alone(jobs):
    return [alone.train(one) for one in jobs]


@pytest.mark.parametrize("train", [training.train, each_alone])
@pytest.mark.parametrize(("momentum", "expected"), [(0.0, 0.5 + 0.25), (0.5, 0.5 + 0.5)])
def test_a_pull_adds_strength_times_the_way_to_the_anchor(train, momentum, expected):
    # Features of 0: their weights have no gradient but the pull's. From 0 with the anchor 1, strength 1 and a learning
    # rate of 0.5: first half of the way, then half of what is left; momentum adds half of the first step to the second.
    data = frozen(np.zeros((4, 3), np.float32), np.zeros(4, np.int64), 2)
    one = job(Logistic(), data, 0, 4, batch_size=2, learning_rate=0.5, momentum=momentum, start=np.zeros(8, np.float32))
    mask = np.array([1, 1, 1, 1, 1, 1, 0, 0], np.float32)  # not the bias, which learns from the labels
    [update] = train([dataclasses.replace(one, pull=Pull(np.ones(8, np.float32), mask))])
    assert update[:6].tolist() == pytest.approx([expected] * 6)


@pytest.mark.parametrize("train", [training.train, each_alone])
def test_a_pull_is_neither_clipped_nor_divided_by_the_batch(train):
    private = steps(1, 1.0, noise_multiplier=1e-9, clip_norm=1e-9, learning_rate=1.0)
    [update] = train([pulled(Pull(ELSEWHERE, 1.0), private=private)])
    assert update == pytest.approx(ELSEWHERE - start_of(SMALL, DATA), abs=1e-5)


@pytest.mark.parametrize("private", [None, steps(3, 0.5, noise_multiplier=1e-7)])
def test_a_pull_of_no_strength_changes_nothing(private):
    [with_it], [without] = (training.train([pulled(pull, private=private)]) for pull in (Pull(ELSEWHERE, 0.0), None))
    # Without a pull a first layer is trained in another way: it differs by rounding and draws its noise otherwise.
    assert with_it == pytest.approx(without, rel=1e-5, abs=1e-6)


strengths = st.one_of(st.floats(0.0, 3.0), st.just(FISHER), st.just(3 * FISHER))
anchors = st.sampled_from([ELSEWHERE, start_of(SMALL, DATA)])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 12), anchors, strengths), min_size=1, max_size=5),
    st.sampled_from([0.0, 0.9]),
    st.sampled_from([None, 1e-9, 0.5]),
)
def test_training_together_is_training_alone(clients, momentum, rate):
    private = None if rate is None else steps(3, rate, momentum=momentum)
    agree(
        [
            pulled(Pull(anchor, strength), client, records, private=private, momentum=momentum)
            for client, (records, anchor, strength) in enumerate(clients)
        ]
    )


@pytest.mark.parametrize("private", [None, steps(1, 0.4)])
def test_a_convolutional_network_is_pulled_too(private):
    start = start_of(Cnn(), DATA)
    pull = Pull(start_of(Cnn(), DATA, seed=1), start**2)
    agree([pulled(pull, k, 4, model=Cnn(), private=private) for k in range(3)])


def test_clients_with_their_own_copies_of_a_pull_share_a_chunk_and_its_bits():
    shared = Pull(ELSEWHERE, FISHER)
    copies = [pulled(Pull(ELSEWHERE.copy(), FISHER.copy()), k) for k in range(4)]
    assert len(training.chunks(copies)) == 1
    found = training.train(copies), training.train([pulled(shared, k) for k in range(4)])
    assert [one.tobytes() for one in found[0]] == [one.tobytes() for one in found[1]]


def test_clients_with_and_without_a_pull_keep_their_order():
    agree([pulled(pull, k) for k, pull in enumerate([None, Pull(ELSEWHERE, 1.0), None, Pull(ELSEWHERE, FISHER)])])


@pytest.mark.parametrize(
    ("name", "pull"), [("anchor", Pull(FISHER[:-1], 1.0)), ("strength", Pull(ELSEWHERE, FISHER[:-1]))]
)
def test_a_pull_of_another_size_than_the_model_is_refused(name, pull):
    with pytest.raises(ValueError, match=f"pull.{name} must have the shape"):
        pulled(pull)
