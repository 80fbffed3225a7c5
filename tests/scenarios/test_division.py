from dataclasses import replace

import numpy as np
import pytest

from privacy.errors import ScenarioError
from scenarios.datasets import HeartDisease, load
from scenarios.division import divide
from scenarios.partitions import Iid, Natural, Quantity


def test_train_and_test_share_no_record_and_leave_none_out() -> None:
    division = divide(load(HeartDisease()), Iid(), test_fraction=0.2, seed=0, clients=7)

    assert len(division.test) == 184
    assert np.array_equal(np.sort(np.concatenate([*division.train, division.test])), np.arange(920))


def test_clients_of_a_natural_partition_hold_their_own_group_only() -> None:
    dataset = load(HeartDisease())
    assert dataset.groups is not None

    division = divide(dataset, Natural(), test_fraction=0.25, seed=0, clients=4)

    assert [set(dataset.groups[share].tolist()) for share in division.train] == [{0}, {1}, {2}, {3}]


def test_the_test_set_depends_on_the_seed_and_not_on_the_partition() -> None:
    dataset = load(HeartDisease())

    one = divide(dataset, Iid(), test_fraction=0.2, seed=0, clients=7).test
    same = divide(dataset, Quantity(alpha=1.0), test_fraction=0.2, seed=0, clients=3).test
    other = divide(dataset, Iid(), test_fraction=0.2, seed=1, clients=7).test

    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("fraction", [0.0001, 0.9999])
def test_a_fraction_that_leaves_nothing_is_refused(fraction: float) -> None:
    with pytest.raises(ScenarioError, match=r"data\.test_fraction"):
        divide(load(HeartDisease()), Iid(), test_fraction=fraction, seed=0, clients=2)


def test_a_group_without_training_records_is_refused() -> None:
    dataset = load(HeartDisease())
    assert dataset.groups is not None
    alone = np.where(np.arange(920) == divide(dataset, Iid(), 0.2, seed=0, clients=2).test[0], 1, 0)

    with pytest.raises(ScenarioError, match=r"federation\.clients"):
        divide(replace(dataset, groups=alone, group_names=("a", "b")), Natural(), 0.2, seed=0, clients=2)
