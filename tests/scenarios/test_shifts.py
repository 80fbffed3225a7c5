import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from scenarios.shifts import (
    AnyShift,
    Backdoor,
    Inversion,
    LabelFlip,
    LabelPermutation,
    Permutation,
    Resolution,
    Rotation,
    ShiftParameters,
)

SHIFTS: list[AnyShift] = [
    Rotation(degrees=30.0),
    Rotation(degrees=-90.0),
    Permutation(),
    Resolution(factor=2),
    Inversion(),
    LabelPermutation(),
    LabelFlip(source=1, target=0),
    LabelFlip(),
    Backdoor(target=2, size=2),
]
PICTURES_ONLY: list[AnyShift] = [Rotation(degrees=30.0), Rotation(degrees=-90.0), Resolution(factor=2)]


def named(shift: AnyShift) -> str:
    return repr(shift)


def pictures(count: int, channels: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, channels, height, width), dtype=np.float32)


def moved(shift: AnyShift, inputs: np.ndarray, seed: int = 0) -> np.ndarray:
    return shift.apply(inputs, np.zeros(len(inputs), np.int64), 2, np.random.default_rng(seed))[0]


def relabelled(shift: AnyShift, labels: list[int], classes: int, seed: int = 0) -> list[int]:
    inputs = np.zeros((len(labels), 4), np.float32)
    return shift.apply(inputs, np.array(labels, np.int64), classes, np.random.default_rng(seed))[1].tolist()


@settings(max_examples=100, deadline=None)
@given(
    shift=st.sampled_from(SHIFTS),
    count=st.integers(0, 4),
    channels=st.integers(1, 3),
    height=st.integers(2, 9),
    width=st.integers(2, 9),
    seed=st.integers(0, 99),
)
def test_pictures_keep_their_shape_and_range_and_what_was_given_stays(
    shift: AnyShift, count: int, channels: int, height: int, width: int, seed: int
) -> None:
    inputs, labels = pictures(count, channels, height, width, seed), np.arange(count) % 3
    inputs.setflags(write=False)
    labels.setflags(write=False)
    assert shift.refusal(inputs.shape[1:], 3) is None

    changed, called = shift.apply(inputs, labels, 3, np.random.default_rng(seed))

    assert changed.shape == inputs.shape
    assert changed.dtype == np.float32
    assert changed.min(initial=0) >= 0
    assert changed.max(initial=0) <= 1
    assert called.shape == labels.shape
    assert called.dtype == np.int64
    assert set(called.tolist()) <= {0, 1, 2}


@pytest.mark.parametrize("shift", SHIFTS, ids=named)
def test_the_same_generator_changes_any_number_of_records_alike(shift: AnyShift) -> None:
    inputs, labels = pictures(5, 1, 6, 6), np.array([0, 1, 2, 1, 0])

    whole = shift.apply(inputs, labels, 3, np.random.default_rng(7))
    part = shift.apply(inputs[:2], labels[:2], 3, np.random.default_rng(7))

    assert np.array_equal(whole[0][:2], part[0])
    assert np.array_equal(whole[1][:2], part[1])


@pytest.mark.parametrize("shift", [shift for shift in SHIFTS if shift not in PICTURES_ONLY], ids=named)
def test_tables_keep_their_shape(shift: AnyShift) -> None:
    table = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)

    assert shift.refusal((4,), 3) is None
    assert moved(shift, table).shape == (3, 4)


@pytest.mark.parametrize("shift", PICTURES_ONLY, ids=named)
def test_what_turns_or_coarsens_pictures_refuses_tables(shift: AnyShift) -> None:
    assert shift.refusal((35,), 2) == (
        f'"{shift.kind}" needs pictures [channels, height, width], but a record of this data set has the shape (35,)'
    )


@pytest.mark.parametrize(
    ("degrees", "turned"),
    [(0, [[1, 2], [3, 4]]), (90, [[2, 4], [1, 3]]), (-90, [[3, 1], [4, 2]]), (540, [[4, 3], [2, 1]])],
)
def test_quarter_turns_go_counter_clockwise_and_are_exact(degrees: float, turned: list[list[int]]) -> None:
    picture = np.array([[[[1, 2], [3, 4]]]], np.float32) / 7

    assert np.array_equal(moved(Rotation(degrees=degrees), picture)[0, 0], np.array(turned, np.float32) / 7)


def test_other_angles_mix_neighbours_and_fill_with_zeros() -> None:
    white = np.ones((1, 1, 3, 3), np.float32)

    [[turned]] = moved(Rotation(degrees=45.0), white)

    # The corner looks at a place sqrt(2) above the middle: between the outermost row (at 1) and the zeros (at 2).
    assert turned[1, 1] == 1
    assert turned[0, 1] == pytest.approx(1, abs=1e-6)
    assert turned[0, 0] == pytest.approx(2 - 2**0.5, abs=1e-6)


def test_a_quarter_turn_of_an_oblong_keeps_what_fits() -> None:
    stripe = np.array([[[[0, 0, 0.5, 1, 0.25]]]], np.float32)

    assert moved(Rotation(degrees=90.0), stripe).tolist() == [[[pytest.approx([0, 0, 0.5, 0, 0], abs=1e-6)]]]


@given(seed=st.integers(0, 99))
def test_a_permutation_only_moves_values_and_keeps_channels_together(seed: int) -> None:
    inputs = pictures(2, 2, 3, 4)
    inputs[:, 1] = inputs[:, 0] / 2

    changed = moved(Permutation(), inputs, seed)

    assert np.array_equal(changed[:, 1], changed[:, 0] / 2)
    assert np.array_equal(np.sort(changed[:, 0].reshape(2, 12)), np.sort(inputs[:, 0].reshape(2, 12)))


def test_a_permutation_of_columns_is_the_generators() -> None:
    table = np.arange(10, dtype=np.float32).reshape(2, 5)

    order = np.random.default_rng(3).permutation(5)

    assert np.array_equal(moved(Permutation(), table, seed=3), table[:, order])


def test_one_column_cannot_be_permuted() -> None:
    assert "needs two pixels or columns" in (Permutation().refusal((1,), 2) or "")


def test_a_coarser_picture_shows_the_means_of_its_blocks() -> None:
    picture = np.array([[[[0, 1, 0.5], [1, 0, 0.25], [0.25, 0.75, 1]]]], np.float32)

    [[coarse]] = moved(Resolution(factor=2), picture)

    assert coarse.tolist() == [[0.5, 0.5, 0.375], [0.5, 0.5, 0.375], [0.5, 0.5, 1.0]]


@given(factor=st.integers(2, 6), height=st.integers(6, 9), width=st.integers(6, 9))
def test_coarsening_twice_changes_nothing_more_and_keeps_the_mean(factor: int, height: int, width: int) -> None:
    inputs = pictures(2, 1, height, width)

    once = moved(Resolution(factor=factor), inputs)

    assert np.allclose(moved(Resolution(factor=factor), once), once, atol=1e-6)
    assert once.mean() == pytest.approx(inputs.mean(), abs=1e-6)


def test_blocks_larger_than_the_picture_are_refused() -> None:
    assert Resolution(factor=9).refusal((1, 8, 28), 10) == "factor must be at most 8, the pictures' shorter side"
    assert Resolution(factor=8).refusal((1, 8, 28), 10) is None


def test_inversion_is_one_minus_for_pictures_and_minus_for_tables() -> None:
    assert moved(Inversion(), np.array([[[[0.25, 1.0]]]], np.float32)).tolist() == [[[[0.75, 0.0]]]]
    assert moved(Inversion(), np.array([[0.25, -1.0]], np.float32)).tolist() == [[-0.25, 1.0]]


def test_labels_are_renamed_as_listed_or_by_one() -> None:
    assert relabelled(LabelPermutation(), [0, 1, 2, 0], 3) == [1, 2, 0, 1]
    assert relabelled(LabelPermutation(permute=(2, 1, 0)), [0, 1, 2, 0], 3) == [2, 1, 0, 2]


@pytest.mark.parametrize("permute", [(0, 1), (0, 1, 1), (1, 2, 3), ()])
def test_a_list_that_is_no_permutation_of_the_classes_is_refused(permute: tuple[int, ...]) -> None:
    refused = LabelPermutation(permute=permute).refusal((4,), 3)

    assert refused == f"permute must list each of the classes 0 to 2 once, not {list(permute)}"


def test_a_targeted_flip_touches_the_source_only() -> None:
    assert relabelled(LabelFlip(source=2, target=0), [0, 1, 2, 2], 3) == [0, 1, 0, 0]


@given(classes=st.integers(2, 10), seed=st.integers(0, 99))
def test_an_untargeted_flip_leaves_no_label_as_it_was(classes: int, seed: int) -> None:
    labels = [record % classes for record in range(50)]

    flipped = relabelled(LabelFlip(), labels, classes, seed)

    assert all(new != old and 0 <= new < classes for new, old in zip(flipped, labels, strict=True))


def test_an_untargeted_flip_goes_to_every_other_class() -> None:
    assert set(relabelled(LabelFlip(), [1] * 200, 4)) == {0, 2, 3}


@pytest.mark.parametrize("wrong", [{"source": 1}, {"target": 1}, {"source": 1, "target": 1}, {"source": -1}])
def test_a_flip_needs_source_and_target_or_neither(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match=r"go together|another target|greater than or equal to 0"):
        LabelFlip(**wrong)


def test_a_flip_names_the_class_that_does_not_exist() -> None:
    assert LabelFlip(source=3, target=0).refusal((4,), 3) == "source must be one of the classes 0 to 2, not 3"
    assert LabelFlip(source=0, target=7).refusal((4,), 3) == "target must be one of the classes 0 to 2, not 7"


def test_a_backdoor_is_a_white_square_in_the_lower_right() -> None:
    inputs, labels = Backdoor(target=2, size=2).apply(
        np.zeros((1, 2, 3, 4), np.float32), np.array([0]), 3, np.random.default_rng(0)
    )

    assert inputs[0].tolist() == [[[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]] * 2
    assert labels.tolist() == [2]


def test_a_backdoor_in_a_table_sets_the_last_columns() -> None:
    assert moved(Backdoor(target=0, size=2), np.full((1, 4), -1, np.float32)).tolist() == [[-1, -1, 1, 1]]


@pytest.mark.parametrize(
    ("shift", "record", "told"),
    [
        (Backdoor(target=0, size=5), (1, 4, 8), "size must be at most 4"),
        (Backdoor(target=0), (2,), "size must be at most 2"),
        (Backdoor(target=3), (1, 8, 8), "target must be one of the classes 0 to 2, not 3"),
    ],
)
def test_a_backdoor_that_does_not_fit_is_refused(shift: Backdoor, record: tuple[int, ...], told: str) -> None:
    assert (shift.refusal(record, 3) or "").startswith(told)


def test_shifts_are_read_by_kind_and_a_misspelt_one_lists_the_valid_ones() -> None:
    adapter: TypeAdapter[AnyShift] = TypeAdapter(ShiftParameters)

    assert adapter.validate_python({"kind": "labels", "permute": [1, 0]}) == LabelPermutation(permute=(1, 0))
    assert adapter.validate_python({"kind": "rotation", "degrees": 45}) == Rotation(degrees=45.0)
    kinds = "'rotation', 'permutation', 'resolution', 'inversion', 'labels', 'label-flip', 'backdoor'"
    with pytest.raises(ValidationError, match=kinds):
        adapter.validate_python({"kind": "rotate"})
