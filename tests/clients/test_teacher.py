"""Learning without forgetting: losses that keep a model close to an older one's answers."""

import dataclasses
import math

import hypothesis.strategies as st
import numpy as np
import pytest
from cohorts import agree, apart, frozen, images, job, start_of, steps
from hypothesis import given, settings

from clients import alone, training
from clients.jobs import Draw, Pull, Teacher
from scenarios.models import Cnn, Logistic, Mlp

CLASSES = 5
DATA = images(classes=CLASSES)
SMALL = Mlp(hidden=(6,))
OLD = start_of(SMALL, DATA, seed=1)


def mask(*classes):
    return np.isin(np.arange(CLASSES), classes)


def taught(teacher, client=0, records=6, model=SMALL, **changes):
    return dataclasses.replace(job(model, DATA, client, records, **changes), teacher=teacher)


def each_alone(jobs):
    return [alone.train(one) for one in jobs]


@pytest.mark.parametrize("train", [training.train, each_alone])
@pytest.mark.parametrize("private", [None, steps(1, 1.0, noise_multiplier=1e-9, clip_norm=9.0, learning_rate=1.0)])
def test_the_gradient_is_strength_and_temperature_times_the_difference_of_answers(train, private):
    # Student at zero: 1/3 for each class, and 1/2 for each of the two old ones. The teacher's logits at temperature 2
    # are (ln 3, 0), so it answers 3/4 and 1/4: off by a quarter, times T of 2, times the strength of 3.
    data = frozen(np.ones((2, 1), np.float32), np.array([2, 2]), 3)
    teacher = Teacher(np.array([2 * math.log(3), 0, 7, 0, 0, 0], np.float32), 3.0, 2.0, np.array([True, True, False]))
    one = job(Logistic(), data, 0, 2, start=np.zeros(6, np.float32), learning_rate=1.0, private=private)
    [update] = train([dataclasses.replace(one, teacher=teacher)])
    assert update.tolist() == pytest.approx([-1 / 3 + 1.5, -1 / 3 - 1.5, 2 / 3] * 2, abs=1e-5)


@pytest.mark.parametrize("train", [training.train, each_alone])
def test_a_teacher_s_part_is_clipped_with_the_rest(train):
    private = steps(1, 1.0, noise_multiplier=1e-9, clip_norm=0.5, learning_rate=1.0)
    [update] = train([taught(Teacher(OLD, 1e3, 1.0), records=1, private=private)])
    assert np.linalg.norm(update) == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize("private", [None, steps(3, 0.5, noise_multiplier=1e-7)])
def test_a_teacher_of_one_class_has_nothing_to_say(private):
    [with_it], [without] = (
        training.train([taught(teacher, private=private)]) for teacher in (Teacher(OLD, 2.0, 2.0, mask(3)), None)
    )
    # Without a teacher a first layer is trained in another way: it differs by rounding and draws its noise otherwise.
    assert with_it == pytest.approx(without, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("private", [None, steps(3, 0.5)])
def test_without_classes_a_teacher_teaches_what_is_allowed(private):
    one = taught(Teacher(OLD, 1.0, 2.0), private=private)
    allowed = np.isin(np.arange(CLASSES), DATA.labels[one.records])
    assert not allowed.all()
    one = dataclasses.replace(one, allowed=allowed)
    other = dataclasses.replace(one, teacher=Teacher(OLD, 1.0, 2.0, allowed))
    assert training.train([one])[0].tobytes() == training.train([other])[0].tobytes()
    agree([one])


def test_clients_with_their_own_copies_of_a_teacher_share_a_chunk_and_its_bits():
    shared = Teacher(OLD, 1.0, 2.0)
    copies = [taught(Teacher(OLD.copy(), 1.0, 2.0), k) for k in range(4)]
    assert len(training.chunks(copies)) == 1
    found = training.train(copies), training.train([taught(shared, k) for k in range(4)])
    assert [one.tobytes() for one in found[0]] == [one.tobytes() for one in found[1]]


teachers = st.builds(
    Teacher,
    st.sampled_from([OLD, start_of(SMALL, DATA, seed=4)]),
    st.floats(0.0, 3.0),
    st.floats(0.5, 4.0),
    st.one_of(st.none(), st.sets(st.integers(0, CLASSES - 1), min_size=1).map(lambda classes: mask(*classes))),
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 12), teachers), min_size=1, max_size=5),
    st.sampled_from([0.0, 0.9]),
    st.sampled_from([None, 1e-9, 0.5]),
)
def test_training_together_is_training_alone(clients, momentum, rate):
    private = None if rate is None else steps(3, rate, momentum=momentum)
    agree(
        [
            taught(teacher, client, records, private=private, momentum=momentum)
            for client, (records, teacher) in enumerate(clients)
        ]
    )


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_any_combination_of_methods_is_training_alone(data):
    drawn, pulled, has_teacher, masked, private = (data.draw(st.booleans()) for _ in range(5))
    momentum = data.draw(st.sampled_from([0.0, 0.9]))
    plan = steps(3, 0.4, momentum=momentum) if private else None
    jobs = []
    for client in range(data.draw(st.integers(1, 4))):
        records = data.draw(st.integers(2, 12))
        one = job(SMALL, DATA, client, records, private=plan, momentum=momentum, epochs=data.draw(st.integers(1, 2)))
        present = np.isin(np.arange(CLASSES), DATA.labels[one.records])
        old = mask(*data.draw(st.sets(st.integers(0, CLASSES - 1), min_size=1)))
        jobs.append(
            dataclasses.replace(
                one,
                draws=(Draw(records - 1, 3, 0.3), Draw(1, 2, 0.7)) if drawn else (),
                pull=Pull(OLD, data.draw(st.sampled_from([0.3, OLD**2]))) if pulled else None,
                teacher=Teacher(OLD, 0.5, 2.0, old) if has_teacher else None,
                allowed=present | old if masked else None,
            )
        )
    agree(jobs)


@pytest.mark.parametrize("private", [None, steps(1, 0.4)])
def test_a_convolutional_network_is_taught_too(private):
    teacher = Teacher(start_of(Cnn(), DATA, seed=1), 1.0, 2.0, mask(0, 1))
    agree([taught(teacher, k, 4, model=Cnn(), private=private) for k in range(3)])


@pytest.mark.parametrize("train", [training.train, each_alone])
def test_a_private_record_that_the_teacher_cannot_take_counts_for_nothing(train):
    features = DATA.features.copy()
    features[2] = np.nan
    private = steps(1, 1.0, learning_rate=1.0)
    spoilt = dataclasses.replace(taught(Teacher(OLD, 1.0, 2.0), private=private), features=features)
    without = dataclasses.replace(spoilt, records=np.delete(spoilt.records, 2))
    [found], [expected] = train([spoilt]), train([without])
    assert apart(6 * found, 5 * expected, spoilt) < 1e-4  # each is divided by its expected batch


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (Teacher(OLD[:-1], 1.0, 2.0), "teacher.parameters must have the shape"),
        (Teacher(OLD, 1.0, 2.0, np.ones(CLASSES + 1, np.bool_)), "teacher.classes must have the shape"),
        (Teacher(OLD, 1.0, 2.0, mask()), "teacher.classes must have a class"),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(teacher, message):
    with pytest.raises(ValueError, match=message):
        taught(teacher)


def test_a_teacher_of_a_class_outside_of_the_label_space_is_refused():
    label = int(DATA.labels[0])
    other = (label + 1) % CLASSES
    with pytest.raises(ValueError, match=rf"teacher.classes \[{other}\] are not allowed"):
        dataclasses.replace(taught(Teacher(OLD, 1.0, 2.0, mask(label, other)), records=1), allowed=mask(label))


@pytest.mark.parametrize(
    ("strength", "temperature", "name"),
    [(1.0, 0.0, "temperature"), (1.0, math.nan, "temperature"), (-1.0, 1.0, "strength"), (math.nan, 1.0, "strength")],
)
def test_a_teacher_that_cannot_be_is_refused(strength, temperature, name):
    with pytest.raises(ValueError, match=name):
        Teacher(OLD, strength, temperature)
