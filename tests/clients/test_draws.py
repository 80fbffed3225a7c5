"""Steps that take so many of each part of a client's records: new ones and old ones."""

import dataclasses
import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from cohorts import agree, images, job, steps
from hypothesis import given, settings

from clients import training
from clients.batches import batches_of
from clients.jobs import Draw
from scenarios.models import Logistic, Mlp

DATA = images()


def drawing(*draws, private=None, client=0, model=None, **changes):
    one = job(model or Logistic(), DATA, client, sum(draw.records for draw in draws), private=private, **changes)
    return dataclasses.replace(one, draws=draws)


@pytest.mark.parametrize("private", [None, steps(5, 0.4)])
def test_one_draw_of_all_records_gives_the_bits_of_none(private):
    plain = job(Logistic(), DATA, 0, 10, private=private, epochs=2)
    # The divisor is 4, too: 0.4 of 10 records.
    drawn = dataclasses.replace(plain, draws=(Draw(10, 4, 0.4),))
    assert [batch.tolist() for batch in batches_of(drawn)] == [batch.tolist() for batch in batches_of(plain)]
    assert training.train([drawn])[0].tobytes() == training.train([plain])[0].tobytes()


def test_an_epoch_is_one_pass_over_the_first_part():
    batches = batches_of(drawing(Draw(5, 2), Draw(40, 3), epochs=2))
    new = [batch[batch < 5] for batch in batches]
    assert [len(batch) for batch in new] == [2, 2, 1, 2, 2, 1]
    assert sorted(np.concatenate(new[:3])) == sorted(np.concatenate(new[3:])) == [0, 1, 2, 3, 4]


def test_every_step_takes_its_share_of_the_old_records_as_often_as_the_others():
    batches = batches_of(drawing(Draw(20, 2), Draw(5, 3), epochs=1))
    old = [batch[batch >= 20] for batch in batches]
    assert [len(set(batch)) for batch in old] == [3] * 10
    assert np.bincount(np.concatenate(old)).tolist()[20:] == [6] * 5  # 10 steps of 3 are 6 passes over 5


def test_a_part_smaller_than_its_share_gives_all_it_has():
    batches = batches_of(drawing(Draw(6, 2), Draw(3, 4), Draw(0, 4)))
    assert [sorted(batch[batch >= 6]) for batch in batches] == [[6, 7, 8]] * 3


def test_under_privacy_each_part_has_its_own_rate():
    batches = batches_of(drawing(Draw(10, 1, 0.1), Draw(10, 5, 0.5), private=steps(2000, 0.9)))
    counts = np.bincount(np.concatenate(batches), minlength=20) / 2000
    assert counts == pytest.approx([0.1] * 10 + [0.5] * 10, abs=0.05)


def test_under_privacy_the_sum_is_divided_by_what_the_draws_say():
    private = steps(1, 0.9, noise_multiplier=1e-9)
    one, two = (drawing(Draw(5, size, 1.0), Draw(7, 2, 1.0), private=private) for size in (1, 4))
    (first,), (second,) = training.train([one]), training.train([two])
    assert 3 * first == pytest.approx(6 * second, rel=1e-3, abs=1e-5)


sizes = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 7), st.floats(0.05, 1.0)), max_size=2)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 9), sizes), min_size=1, max_size=5), st.sampled_from([0.0, 0.9]), st.booleans()
)
def test_training_together_is_training_alone(clients, momentum, is_private):
    private = steps(3, 0.5, momentum=momentum) if is_private else None
    agree(
        [
            drawing(
                *itertools.starmap(Draw, [(records, 3, 0.5), *others]),
                private=private,
                client=client,
                model=Mlp(hidden=(6,)),
                momentum=momentum,
            )
            for client, (records, others) in enumerate(clients)
        ]
    )


def test_draws_of_other_records_than_the_job_s_are_refused():
    with pytest.raises(ValueError, match="of 7 records, the job has 9"):
        dataclasses.replace(job(Logistic(), DATA, 0, 9), draws=(Draw(3, 1), Draw(4, 1)))


def test_a_private_part_that_no_step_takes_is_refused():
    with pytest.raises(ValueError, match="sampling_rate above 0"):
        drawing(Draw(3, 1, 0.5), Draw(4, 1), private=steps(1, 0.5))


@pytest.mark.parametrize("values", [(-1, 1, 0.5), (1, 0, 0.5), (1, 1, -0.1), (1, 1, 1.1), (1, 1, float("nan"))])
def test_a_draw_that_cannot_be_is_refused(values):
    with pytest.raises(ValueError, match="not"):
        Draw(*values)


def test_a_client_without_new_records_is_refused():
    with pytest.raises(ValueError, match="record"):
        training.train([drawing(Draw(0, 2), Draw(5, 2))])
