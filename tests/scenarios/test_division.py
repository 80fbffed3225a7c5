from dataclasses import replace

import numpy as np
import pytest

from privacy.errors import ScenarioError
from scenarios.datasets import Digits, HeartDisease, Key, load
from scenarios.datasets.dataset import Dataset
from scenarios.division import Division, divide
from scenarios.partitions import AnyPartition, Iid, Natural, Quantity
from scenarios.schema import Scenario


def divided(
    dataset: Dataset, partition: AnyPartition, test_fraction: float = 0.2, seed: int = 0, clients: int = 2
) -> Division:
    tables = {
        "format": 1,
        "name": "divided",
        "seed": seed,
        "data": {"dataset": "digits", "partition": partition.model_dump(), "test_fraction": test_fraction},
        "model": "logistic",
        "federation": {"clients": clients, "rounds": 1},
    }
    return divide(Scenario.model_validate(tables), dataset)


def test_train_and_test_share_no_record_and_leave_none_out() -> None:
    division = divided(load(HeartDisease()), Iid(), test_fraction=0.2, seed=0, clients=7)

    assert len(division.test) == 184
    assert np.array_equal(np.sort(np.concatenate([*division.train, division.test])), np.arange(920))


def test_clients_of_a_natural_partition_hold_their_own_group_only() -> None:
    dataset = load(HeartDisease())
    hospitals = dataset.keys["hospital"].values

    division = divided(dataset, Natural(), test_fraction=0.25, seed=0, clients=4)

    assert [set(hospitals[share].tolist()) for share in division.train] == [{0}, {1}, {2}, {3}]


def test_a_natural_partition_goes_by_the_first_key_or_the_one_it_names() -> None:
    ward, month = Key(np.arange(920) % 2, ("p", "q")), Key(np.arange(920) % 3, ("May", "June", "July"))
    dataset = replace(load(HeartDisease()), keys={"ward": ward, "month": month})

    by_first = divided(dataset, Natural(), 0.2, seed=0, clients=2).train
    by_month = divided(dataset, Natural(by="month"), 0.2, seed=0, clients=3).train

    assert [set((share % 2).tolist()) for share in by_first] == [{0}, {1}]
    assert [set((share % 3).tolist()) for share in by_month] == [{0}, {1}, {2}]


def test_a_key_that_the_data_set_does_not_have_is_refused_with_those_it_has() -> None:
    told = r'data\.partition\.by: the data set has no key "hospitl"; its keys are "hospital"'

    with pytest.raises(ScenarioError, match=told):
        divided(load(HeartDisease()), Natural(by="hospitl"), 0.2, seed=0, clients=4)


def test_a_key_of_a_data_set_without_any_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r'no key "hospital"; its keys are none'):
        divided(load(Digits()), Natural(by="hospital"), 0.2, seed=0, clients=4)


def test_the_test_set_depends_on_the_seed_and_not_on_the_partition() -> None:
    dataset = load(HeartDisease())

    one = divided(dataset, Iid(), test_fraction=0.2, seed=0, clients=7).test
    same = divided(dataset, Quantity(alpha=1.0), test_fraction=0.2, seed=0, clients=3).test
    other = divided(dataset, Iid(), test_fraction=0.2, seed=1, clients=7).test

    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("fraction", [0.0001, 0.9999])
def test_a_fraction_that_leaves_nothing_is_refused(fraction: float) -> None:
    with pytest.raises(ScenarioError, match=r"data\.test_fraction"):
        divided(load(HeartDisease()), Iid(), test_fraction=fraction, seed=0, clients=2)


def test_a_group_without_training_records_is_refused() -> None:
    dataset = load(HeartDisease())
    alone = np.where(np.arange(920) == divided(dataset, Iid(), 0.2, seed=0, clients=2).test[0], 1, 0)

    with pytest.raises(ScenarioError, match=r"federation\.clients"):
        divided(replace(dataset, keys={"ward": Key(alone, ("a", "b"))}), Natural(), 0.2, seed=0, clients=2)


def split(validation_fraction: float, test_fraction: float = 0.2) -> Division:
    tables = {
        "format": 1,
        "name": "split",
        "data": {"dataset": "digits", "validation_fraction": validation_fraction, "test_fraction": test_fraction},
        "model": "logistic",
        "federation": {"clients": 3, "rounds": 1},
    }
    return divide(Scenario.model_validate(tables), load(Digits()))


def test_a_validation_split_is_cut_off_the_training_side_and_leaves_the_test_set_alone() -> None:
    plain, halved = split(0.0), split(0.5)

    assert len(plain.validation) == 0
    assert np.array_equal(halved.test, plain.test)
    assert len(halved.validation) == round(0.5 * (1797 - 359))
    everything = np.sort(np.concatenate([*halved.train, halved.validation, halved.test]))
    assert np.array_equal(everything, np.arange(1797))


def test_a_validation_split_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"data\.validation_fraction: 0\.0001 of 1438 records"):
        split(0.0001)
