"""Training on the classes that have come so far: the others' logits take no part."""

import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
from cohorts import agree, apart, frozen, images, job, start_of, steps
from hypothesis import given, settings

from clients import alone, training
from scenarios.models import Cnn, Logistic, Mlp

CLASSES = 5
DATA = images(classes=CLASSES)
SMALL = Mlp(hidden=(6,))


def allowing(classes, client=0, records=6, model=SMALL, data=DATA, **changes):
    """A job whose records all have one of the allowed classes."""
    one = job(model, data, client, records, **changes)
    allowed = np.isin(np.arange(data.classes), classes)
    places = np.flatnonzero(allowed[data.labels])[client : client + records]
    return dataclasses.replace(one, records=places, allowed=allowed)


def each_alone(jobs):
    return [alone.train(one) for one in jobs]


@pytest.mark.parametrize("train", [training.train, each_alone])
@pytest.mark.parametrize("private", [None, steps(1, 1.0, noise_multiplier=1e-9, clip_norm=9.0, learning_rate=1.0)])
def test_other_classes_have_no_share_of_the_softmax(train, private):
    # At zero weights two allowed classes have a half each: a step of rate 1 with x = 1 moves them by 1/2.
    data = frozen(np.ones((2, 1), np.float32), np.array([1, 1]), 4)
    start = np.zeros(8, np.float32)
    one = allowing([1, 3], records=2, model=Logistic(), data=data, start=start, learning_rate=1.0, private=private)
    [update] = train([one])
    assert update.tolist() == pytest.approx([0.0, 0.5, 0.0, -0.5] * 2, abs=1e-5)


@pytest.mark.parametrize("private", [None, steps(3, 0.5)])
def test_allowing_every_class_is_allowing_none_in_particular(private):
    one = allowing(range(CLASSES), private=private)
    [with_it], [without] = training.train([one]), training.train([dataclasses.replace(one, allowed=None)])
    assert apart(with_it, without, one) < 1e-6


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 12), st.sets(st.integers(0, CLASSES - 1), min_size=1)), min_size=1, max_size=5),
    st.sampled_from([0.0, 0.9]),
    st.sampled_from([None, 1e-9, 0.5]),
)
def test_training_together_is_training_alone(clients, momentum, rate):
    private = None if rate is None else steps(3, rate, momentum=momentum)
    agree(
        [
            allowing(sorted(classes), client, records, private=private, momentum=momentum)
            for client, (records, classes) in enumerate(clients)
        ]
    )


@pytest.mark.parametrize("private", [None, steps(1, 0.4)])
def test_a_convolutional_network_is_masked_too(private):
    agree([allowing([k, k + 1], k, 4, model=Cnn(), private=private) for k in range(3)])


def test_a_record_of_another_class_is_refused():
    label = int(DATA.labels[0])
    with pytest.raises(ValueError, match=rf"records of the classes \[{label}\]"):
        dataclasses.replace(job(SMALL, DATA, 0, 1), allowed=np.arange(CLASSES) != label)


def test_a_mask_of_another_number_of_classes_is_refused():
    with pytest.raises(ValueError, match="allowed must have the shape"):
        dataclasses.replace(job(SMALL, DATA, 0, 1), allowed=np.ones(CLASSES + 1, np.bool_))


@pytest.mark.parametrize("train", [training.train, each_alone])
def test_a_private_record_that_cannot_be_clipped_still_counts_for_nothing(train):
    # Its place is taken by a record of the class 0, which is not allowed here.
    features = DATA.features.copy()
    one = allowing([3, 4], private=steps(1, 1.0, noise_multiplier=1e-7, learning_rate=1.0), start=start_of(SMALL, DATA))
    features[one.records[1]] = np.nan
    spoilt = dataclasses.replace(one, features=features)
    without = dataclasses.replace(spoilt, records=np.delete(one.records, 1))
    [found], [expected] = train([spoilt]), train([without])
    # Each is divided by its expected batch.
    assert 6 * found == pytest.approx(5 * expected, rel=1e-3, abs=1e-5)
