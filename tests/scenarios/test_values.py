import pytest

from scenarios.values import counted


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 usable updates"), (1, "1 usable update"), (2, "2 usable updates"), (1000, "1000 usable updates")],
)
def test_one_of_a_thing_is_told_in_the_singular(count, told):
    assert counted(count, "usable update") == told


def test_a_range_that_holds_more_than_one_is_told_in_the_plural():
    assert [counted(told, "step") for told in ("1", "1 to 5")] == ["1 step", "1 to 5 steps"]
