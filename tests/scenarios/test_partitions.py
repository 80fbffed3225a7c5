import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from privacy.errors import ScenarioError
from scenarios.partitions import AnyPartition, Dirichlet, Iid, Natural, PartitionParameters, Pathological, Quantity

SKEWS: list[AnyPartition] = [Iid(), Dirichlet(alpha=1.0), Quantity(alpha=0.3), Pathological(classes_per_client=2)]


def labels_of(records: int, classes: int = 4) -> np.ndarray:
    return np.arange(records) % classes


@settings(max_examples=60, deadline=None)
@given(
    partition=st.sampled_from(SKEWS), clients=st.integers(2, 12), records=st.integers(80, 300), seed=st.integers(0, 99)
)
def test_every_record_goes_to_exactly_one_client_and_every_client_gets_some(
    partition: AnyPartition, clients: int, records: int, seed: int
) -> None:
    shares = partition.assign(labels_of(records), None, clients, np.random.default_rng(seed))

    assert len(shares) == clients
    assert min(map(len, shares)) >= 1
    assert np.array_equal(np.sort(np.concatenate(shares)), np.arange(records))
    assert all(np.array_equal(share, np.sort(share)) and share.dtype == np.int64 for share in shares)


@pytest.mark.parametrize("partition", SKEWS, ids=lambda partition: partition.kind)
def test_the_same_generator_gives_the_same_shares(partition: AnyPartition) -> None:
    one, again, other = (partition.assign(labels_of(200), None, 5, np.random.default_rng(s)) for s in (3, 3, 4))

    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_iid_shares_differ_by_one_record_at_most() -> None:
    shares = Iid().assign(labels_of(103), None, 10, np.random.default_rng(0))

    assert sorted(map(len, shares)) == [10] * 7 + [11] * 3


def test_a_large_alpha_gives_every_client_nearly_the_same_classes() -> None:
    labels = labels_of(4000)

    shares = Dirichlet(alpha=1e4).assign(labels, None, 4, np.random.default_rng(0))

    counts = np.array([np.bincount(labels[share], minlength=4) for share in shares])
    assert np.abs(counts - 250).max() < 30


def test_a_small_alpha_gives_clients_few_classes() -> None:
    labels = labels_of(1000, classes=10)

    shares = Dirichlet(alpha=0.05).assign(labels, None, 4, np.random.default_rng(0))

    top_two = [np.sort(np.bincount(labels[share], minlength=10))[-4:].sum() / len(share) for share in shares]
    assert min(top_two) > 0.8


def test_dirichlet_gives_up_with_a_message_when_some_client_stays_empty() -> None:
    with pytest.raises(ScenarioError, match=r"data\.partition\.alpha: with 0\.001, 100 draws"):
        Dirichlet(alpha=0.001).assign(np.zeros(50, np.int64), None, 40, np.random.default_rng(0))


@settings(max_examples=60, deadline=None)
@given(clients=st.integers(5, 12), seen=st.integers(2, 10), seed=st.integers(0, 99))
def test_pathological_clients_see_exactly_so_many_classes(clients: int, seen: int, seed: int) -> None:
    labels = labels_of(400, classes=10)

    shares = Pathological(classes_per_client=seen).assign(labels, None, clients, np.random.default_rng(seed))

    assert [len(np.unique(labels[share])) for share in shares] == [seen] * clients


@pytest.mark.parametrize(
    ("seen", "clients", "told"),
    [
        (5, 3, "5 is more than the 4 classes"),
        (1, 3, "cannot hold all 4 classes; at least 2 per client are needed"),
        (4, 9, "class 0 has 8 training records for 9 clients"),
    ],
)
def test_pathological_refuses_classes_that_do_not_go_round(seen: int, clients: int, told: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(told)):
        Pathological(classes_per_client=seen).assign(labels_of(32), None, clients, np.random.default_rng(0))


def test_quantity_skews_sizes_and_not_classes() -> None:
    labels = labels_of(4000)

    shares = Quantity(alpha=0.5).assign(labels, None, 5, np.random.default_rng(1))

    sizes = np.array([len(share) for share in shares])
    assert sizes.max() > 4 * sizes.min()
    assert abs((labels[shares[sizes.argmax()]] == 0).mean() - 0.25) < 0.05


def test_natural_clients_are_the_groups() -> None:
    groups = np.array([2, 0, 1, 0, 2])

    shares = Natural().assign(np.zeros(5, np.int64), groups, 3, np.random.default_rng(0))

    assert [share.tolist() for share in shares] == [[1, 3], [2], [0, 4]]


@pytest.mark.parametrize(
    ("groups", "clients", "told"),
    [
        (None, 2, "this data set has none"),
        (np.array([0, 1, 1, 0]), 3, "each of the 2 groups"),
        (np.array([0, 2, 2, 0]), 2, "each of the 2 groups"),
    ],
)
def test_natural_refuses_data_without_a_group_for_each_client(
    groups: np.ndarray | None, clients: int, told: str
) -> None:
    with pytest.raises(ScenarioError, match=told):
        Natural().assign(np.zeros(4, np.int64), groups, clients, np.random.default_rng(0))


@pytest.mark.parametrize("partition", SKEWS, ids=lambda partition: partition.kind)
def test_more_clients_than_records_are_refused(partition: AnyPartition) -> None:
    with pytest.raises(ScenarioError, match="6 clients cannot share 5 training records"):
        partition.assign(labels_of(5), None, 6, np.random.default_rng(0))


def test_a_misspelt_partition_lists_the_valid_ones() -> None:
    with pytest.raises(ValidationError, match="'iid', 'dirichlet', 'pathological', 'quantity', 'natural'"):
        TypeAdapter(PartitionParameters).validate_python({"kind": "idd"})
