import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from privacy import fixed_point
from privacy.contexts import PLAIN_MODULUS
from privacy.fixed_point import LEVELS, MAX_CLIENTS

LARGEST_FIELD = 2**19 - 1

fields = arrays.arrays(np.int64, st.integers(0, 33), elements=st.integers(-LARGEST_FIELD, LARGEST_FIELD))


def test_two_fields_share_a_slot():
    assert fixed_point.pack(np.array([3, 1, -1])).tolist() == [3 + 2**20, -1]


@given(fields)
def test_unpacking_undoes_packing(values):
    slots = fixed_point.pack(values)
    assert len(slots) == (len(values) + 1) // 2
    np.testing.assert_array_equal(fixed_point.unpack(slots, len(values)), values)


@given(arrays.arrays(np.int64, st.tuples(st.integers(1, 6), st.integers(1, 9)), elements=st.integers(-80_000, 80_000)))
def test_the_sum_of_packed_vectors_is_the_packed_sum(values):
    packed = sum(fixed_point.pack(row) for row in values)
    np.testing.assert_array_equal(packed, fixed_point.pack(values.sum(axis=0)))


def test_extreme_fields_stay_within_the_plaintext_modulus():
    for one in (-LARGEST_FIELD, LARGEST_FIELD):
        [slot] = fixed_point.pack(np.array([one, one]))
        assert abs(int(slot)) <= (PLAIN_MODULUS - 1) // 2


@pytest.mark.parametrize("field", [2**19, -(2**19)])
def test_a_field_that_does_not_fit_is_refused(field):
    with pytest.raises(ValueError, match="below 524288"):
        fixed_point.pack(np.array([field]))


def test_most_clients_with_equal_extreme_updates_do_not_wrap():
    # 4,096 clients of weight 1/4096: 520192 / 4096 = 127 exactly.
    extreme, _ = fixed_point.quantise(np.float32([1, -1, 9]), 1 / MAX_CLIENTS, 1.0)
    assert extreme.tolist() == [127, -127, 127]
    total = fixed_point.unpack(fixed_point.pack(extreme) * MAX_CLIENTS, 3)
    assert total.tolist() == [LEVELS, -LEVELS, LEVELS]


def test_the_largest_possible_sum_fits_a_field():
    assert fixed_point.largest_sum(1.0, MAX_CLIENTS) == 520_192 + 2048 + 1 <= LARGEST_FIELD
    with pytest.raises(ValueError, match="1 to 4096"):
        fixed_point.largest_sum(1.0, MAX_CLIENTS + 1)
    with pytest.raises(ValueError, match="at most 1"):
        fixed_point.largest_sum(1.1, 2)


@settings(max_examples=50)
@given(
    arrays.arrays(np.float32, st.tuples(st.integers(1, 20), st.just(7)), elements=st.floats(-3, 3, width=32)),
    st.floats(0.01, 10),
    st.randoms(use_true_random=False),
)
def test_the_decoded_sum_is_within_the_bound(updates, value_range, random):
    raw = np.array([random.random() + 1e-3 for _ in updates])
    weights = raw / raw.sum()
    total = sum(fixed_point.quantise(u, float(w), value_range)[0] for u, w in zip(updates, weights, strict=True))
    assert np.abs(total).max() <= fixed_point.largest_sum(float(weights.sum()), len(updates))
    exact = sum(w * np.clip(u.astype(float), -value_range, value_range) for u, w in zip(updates, weights, strict=True))
    error = np.abs(fixed_point.decode(total, value_range) - exact).max()
    assert error <= fixed_point.error_bound(len(updates), value_range) * (1 + 1e-9)


def test_saturated_coordinates_are_counted():
    integers, saturated = fixed_point.quantise(np.float32([0.5, 1, -1, 1.5, -7]), 1.0, 1.0)
    assert integers.tolist() == [LEVELS // 2, LEVELS, -LEVELS, LEVELS, -LEVELS]
    assert saturated == 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="NaN or infinity"):
        fixed_point.quantise(np.float32([0, bad]), 1.0, 1.0)


@pytest.mark.parametrize(("weight", "value_range"), [(1.1, 1.0), (-0.1, 1.0), (np.nan, 1.0), (1.0, 0.0), (1.0, np.inf)])
def test_impossible_weights_and_ranges_are_refused(weight, value_range):
    with pytest.raises(ValueError, match="must be"):
        fixed_point.quantise(np.float32([0]), weight, value_range)
