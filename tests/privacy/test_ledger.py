import pytest

from privacy import ledger
from privacy.ledger import Charge


def test_equal_rows_add_their_steps():
    row = Charge("all", "dp-sgd", 1.0, 0.1, 5)
    assert ledger.add(ledger.add((), row), row) == (Charge("all", "dp-sgd", 1.0, 0.1, 10),)


def test_a_ledger_survives_json():
    rows = (Charge("a", "dp-sgd", 1.5, 0.1, 5), Charge("b", "dp-sgd", 1.0, 0.2, 7))
    assert ledger.from_json(ledger.to_json(rows)) == rows


@pytest.mark.parametrize(
    ("key", "value"), [("sampling_rate", 1.5), ("steps", 0), ("noise_multiplier", -1.0), ("steps", None)]
)
def test_an_impossible_row_is_refused(key, value):
    row = {
        "segment": "a",
        "mechanism": "dp-sgd",
        "noise_multiplier": 1.0,
        "sampling_rate": 0.1,
        "steps": 1,
        key: value,
    }
    with pytest.raises(ValueError, match=r"charge|invalid literal"):
        ledger.from_rows([row])


@pytest.mark.parametrize(
    "text", ["", "7", "null", '"x"', "[7]", '["segment"]', "{}x", "[" * 5000, '[{"segment": 1}]', "[{}]" * 2]
)
def test_a_text_that_is_no_ledger_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - json's own errors are ValueErrors too
        ledger.from_json(text)
