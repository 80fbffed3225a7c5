"""A client's memory in Flower's state: what is read is what was last written, in whatever steps."""

import pytest
from flwr.app import RecordDict

from clients.memory import Memory, recall, remember
from privacy.ledger import Charge

ROWS = (Charge("all", "dp-sgd", 1.0, 0.1, 4),)
MORE = (Charge("all", "dp-sgd", 1.0, 0.1, 8),)


def test_a_new_client_remembers_nothing():
    assert recall(RecordDict()) == Memory()


@pytest.mark.parametrize(
    "later",
    [
        Memory(MORE, {"signing_key": b"k"}, "f", 2),
        Memory(ROWS, {"signing_key": b"other"}, "f", 1),
        Memory(ROWS, {"signing_key": b"k", "secret_key": b"s"}, "f", 1),
        Memory(ROWS, {"secret_key": b"s"}, "f", 1),
        Memory(ROWS, {}, "g", 1),
    ],
)
def test_what_is_remembered_last_is_recalled(later):
    state = RecordDict()
    remember(state, Memory(ROWS, {"signing_key": b"k"}, "f", 1))
    remember(state, later)
    assert recall(state) == later
