import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.calibration import calibrate
from privacy.ledger import Charge
from privacy.noise import KeyedNoise, SystemNoise
from privacy.statistics import RIDGE, SENSITIVITY, noisy, size, solve, statistics
from scenarios.datasets import Digits, Mnist5k, load
from scenarios.models import RandomFeatures, prepared

FEATURES = 500
CLASSES = 10
LARGEST_CLIENT = 400


def seeded(number):
    return KeyedNoise(number.to_bytes(32, "little"))


def records(count, features, seed=0, longest=1.0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(count, features))
    lengths = rng.uniform(0, longest, (count, 1))
    return (values / np.linalg.norm(values, axis=1, keepdims=True) * lengths).astype(np.float32)


@functools.cache
def images(dataset):
    """Features and labels of the training records and of every fifth, the test records."""
    data = load(dataset)
    features, test = prepared(RandomFeatures(features=FEATURES), data), np.arange(len(data)) % 5 == 0
    return features[~test], data.labels[~test], features[test], data.labels[test]


def travelled(features, labels, parts, scale=LARGEST_CLIENT):
    """The sum of the parts' statistics, each sent as float32 in units of `scale`."""
    sent = [(statistics(features[part], labels[part], CLASSES) / scale).astype(np.float32) for part in parts]
    return np.sum([vector.astype(np.float64) for vector in sent], axis=0) * scale


def accuracy(weights, features, labels):
    return float((np.argmax(features @ weights.T, axis=1) == labels).mean())


@pytest.mark.parametrize(("features", "classes", "numbers"), [(1, 1, 2), (2, 3, 3 + 6), (500, 10, 125_250 + 5_000)])
def test_the_size_is_the_upper_triangle_and_one_column_a_class(features, classes, numbers):
    assert size(features, classes) == numbers
    assert statistics(np.zeros((0, features), np.float32), np.zeros(0, np.int64), classes).tolist() == [0.0] * numbers


def test_the_statistics_are_the_sums_counted_by_hand():
    features = np.array([[0.5, 0.25], [0.5, -0.5]], np.float32)

    gram = [0.25 + 0.25, 0.125 - 0.25, 0.0625 + 0.25]
    moments = [0.5, 0.5, -0.5, 0.25]  # feature 0 of classes 0 and 1, then feature 1; record 0 is of class 1

    assert statistics(features, np.array([1, 0]), 2).tolist() == gram + moments


def test_a_long_record_counts_as_one_of_norm_one_and_a_broken_one_as_none():
    features = np.array([[300, 0], [np.nan, 0.5], [0.5, np.inf]], np.float32)

    assert statistics(features, np.array([0, 0, 0]), 1).tolist() == pytest.approx([1, 0, 0, 1, 0], abs=0.01)


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
def test_a_label_that_is_no_class_is_refused(labels):
    with pytest.raises(ValueError, match="labels must be in 0 to 2"):
        statistics(records(2, 4), np.array(labels), 3)


@settings(max_examples=200, deadline=None)
@given(
    features=st.integers(1, 40),
    longest=st.sampled_from([0.01, 1.0, 1.01, 1e6]),
    ones=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_one_record_moves_the_statistics_by_at_most_the_sensitivity(features, longest, ones, seed):
    before = records(3, features, seed)
    added = np.eye(1, features, dtype=np.float32) if ones else records(1, features, seed + 1, longest)
    labels = np.array([0, 1, 0, 1])

    moved = statistics(np.vstack([before, added]), labels, 2) - statistics(before, labels[:3], 2)

    assert np.linalg.norm(moved) <= SENSITIVITY * (1 + 1e-12)


def test_the_sensitivity_is_reached_up_to_rounding_by_a_single_feature():
    alone = statistics(np.eye(1, 5, dtype=np.float32), np.array([0]), 2)

    assert SENSITIVITY * 0.99 < np.linalg.norm(alone) <= SENSITIVITY == math.sqrt(2)


@pytest.mark.parametrize("dataset", [Mnist5k(), Digits()], ids=lambda dataset: dataset.kind)
def test_order_and_partition_do_not_matter_even_over_float32(dataset):
    features, labels, test_features, test_labels = images(dataset)
    count = len(labels)
    mixed = np.array_split(np.random.default_rng(0).permutation(count), 10)
    by_class = np.array_split(np.argsort(labels, kind="stable"), 13)

    one, other = (
        solve(travelled(features, labels, parts), FEATURES, CLASSES, RIDGE, count) for parts in (mixed, by_class)
    )

    assert np.abs(one - other).max() <= 1e-6
    assert accuracy(one, test_features, test_labels) > (0.89 if count == 4000 else 0.96)


def test_sums_are_exact_whatever_the_order():
    features, labels, _, _ = images(Digits())
    backwards = np.arange(len(labels))[::-1]

    assert np.array_equal(
        statistics(features, labels, CLASSES), statistics(features[backwards], labels[backwards], CLASSES)
    )


def test_a_part_that_is_subtracted_was_never_there():
    features, labels, _, _ = images(Digits())
    parts = np.array_split(np.arange(len(labels)), 4)
    kept = len(labels) - len(parts[2])

    removed = travelled(features, labels, parts) - travelled(features, labels, [parts[2]])
    never = travelled(features, labels, [parts[0], parts[1], parts[3]])

    one, other = (solve(total, FEATURES, CLASSES, RIDGE, kept) for total in (removed, never))
    assert np.abs(one - other).max() <= 1e-6


def test_the_solution_is_the_ridge_regressions():
    features, labels = np.eye(2, dtype=np.float32) / 2, np.array([0, 1])

    weights = solve(statistics(features, labels, 2), 2, 2, ridge=0.125, records=2)

    # G = I / 4 and C = I / 2, and the penalty is 2 / 8: each weight on the diagonal is (1/2) / (1/4 + 1/4).
    assert weights == pytest.approx(np.eye(2), abs=1e-6)
    assert weights.dtype == np.float32


def test_known_noise_strengthens_the_penalty_and_negative_eigenvalues_are_none():
    total = np.array([-3.0, 0.0, 0.25, 0.5, 0.25])

    weights = solve(total, 2, 1, ridge=0.25, records=1, noise_deviation=0.5**0.5)

    # The penalty is 1/4 + sqrt(1/2) * sqrt(2) / 2 = 3/4; -3 becomes 0.
    assert weights == pytest.approx(np.array([[0.5 / 0.75, 0.25 / 1.0]]))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"total": np.zeros(4)}, "have 5 statistics"),
        ({"total": np.full(5, np.nan)}, "NaN or infinity"),
        ({"ridge": 0.0}, "must be positive"),
        ({"records": 0}, "must be positive"),
        ({"noise_deviation": -1.0}, "must be positive"),
    ],
)
def test_a_total_that_cannot_be_solved_is_refused(change, told):
    arguments = {"total": np.zeros(5), "features": 2, "classes": 1, "ridge": 0.1, "records": 3}

    with pytest.raises(ValueError, match=told):
        solve(**(arguments | change))


@pytest.mark.parametrize("source", [seeded(1), SystemNoise()], ids=["seeded", "system"])
def test_the_noise_has_the_deviation_it_claims_and_lies_on_the_statistics_grid(source):
    exact = statistics(records(5, 200), np.arange(5) % 3, 3)

    noise = noisy(exact, 1.5, source) - exact

    assert noise.std() == pytest.approx(1.5 * math.sqrt(2), rel=0.03)  # 20,700 draws: 6 standard errors
    assert abs(noise.mean()) < 0.09
    assert np.array_equal(noise * 2**16, np.rint(noise * 2**16))


def test_the_same_source_draws_the_same_noise():
    exact = statistics(records(5, 4), np.arange(5) % 3, 3)

    assert np.array_equal(noisy(exact, 1.0, seeded(4)), noisy(exact, 1.0, seeded(4)))
    assert not np.array_equal(noisy(exact, 1.0, seeded(4)), noisy(exact, 1.0, seeded(5)))
    assert not np.array_equal(noisy(exact, 1.0, SystemNoise()), noisy(exact, 1.0, SystemNoise()))


@pytest.mark.parametrize("source", [seeded(4), SystemNoise()], ids=lambda source: type(source).__name__)
def test_much_noise_reaches_every_point_of_the_grid(source):
    deviation = 100.0 * math.sqrt(2)
    released = noisy(np.zeros(200_000), 100.0, source)
    large = released[np.abs(released) > 2 * deviation]
    of_float32 = (large / deviation).astype(np.float32).astype(np.float64) * deviation
    assert len(large) > 5000
    assert (np.rint(of_float32 * 2**16) == large * 2**16).mean() < 0.6  # float32 numbers reach half of them, at most


@pytest.mark.parametrize("noise_multiplier", [0.0, -1.0, math.nan])
def test_no_noise_is_never_called_noisy(noise_multiplier):
    with pytest.raises(ValueError, match="noise_multiplier must be positive"):
        noisy(np.zeros(5), noise_multiplier, seeded(0))


def test_five_noisy_releases_still_learn_at_epsilon_eight():
    features, labels, test_features, test_labels = images(Mnist5k())
    noise_multiplier = calibrate(lambda sigma: (Charge("0", "gaussian", sigma, 1.0, 1),), 8.0, 1e-5)
    source = seeded(0)
    parts = np.array_split(np.random.default_rng(0).permutation(len(labels)), 5)

    total = sum(noisy(statistics(features[part], labels[part], CLASSES), noise_multiplier, source) for part in parts)
    deviation = noise_multiplier * SENSITIVITY * math.sqrt(5)
    told, untold = (solve(total, FEATURES, CLASSES, RIDGE, len(labels), known) for known in (deviation, 0.0))

    assert accuracy(told, test_features, test_labels) > 0.77
    # Over eight draws of the noise the difference is 0.056 on average.
    assert accuracy(told, test_features, test_labels) > accuracy(untold, test_features, test_labels) + 0.03
