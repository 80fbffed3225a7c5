import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from privacy.errors import ScenarioError
from scenarios.datasets import FileDataset, load

ROWS = [f"{i},{i / 2},{'yes' if i % 2 else 'no'},{i % 3}" for i in range(12)]
TEN = np.arange(10) % 2


def table(tmp_path: Path, *lines: str, encoding: str = "utf-8") -> str:
    path = tmp_path / "wards.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return str(path)


def archive(tmp_path: Path, **arrays: object) -> str:
    np.savez(tmp_path / "wards.npz", **arrays)  # type: ignore[arg-type]  # np.savez takes whatever is array-like
    return str(tmp_path / "wards.npz")


def refusal(parameters: FileDataset) -> str:
    with pytest.raises(ScenarioError) as error:
        load(parameters)
    return str(error.value)


def test_a_table_gives_records_labels_and_groups(tmp_path: Path) -> None:
    path = table(tmp_path, "age,dose,ill,ward", *ROWS)

    dataset = load(FileDataset(path=path, label="ill", group="ward"))

    assert dataset.inputs[3].tolist() == [3.0, 1.5]
    assert dataset.classes == ("no", "yes")
    assert dataset.labels[:3].tolist() == [0, 1, 0]
    assert list(dataset.keys) == ["ward"]
    assert dataset.keys["ward"].names == ("0", "1", "2")
    assert dataset.keys["ward"].values[:4].tolist() == [0, 1, 2, 0]


def test_a_table_may_have_further_keys_which_are_no_features(tmp_path: Path) -> None:
    lines = [f"{row},{month}" for row, month in zip(ROWS, ["May", "June"] * 6, strict=True)]
    path = table(tmp_path, "age,dose,ill,ward,month", *lines)

    dataset = load(FileDataset(path=path, label="ill", group="ward", keys=("month",)))

    assert list(dataset.keys) == ["ward", "month"]
    assert dataset.keys["month"].names == ("June", "May")
    assert dataset.keys["month"].values[:3].tolist() == [1, 0, 1]
    assert dataset.inputs.shape == (12, 2)


def test_without_a_group_the_first_of_the_keys_is_the_first(tmp_path: Path) -> None:
    path = table(tmp_path, "age,dose,ill,ward", *[f"{i},1.5,{i % 2},{i % 3}" for i in range(12)])

    assert list(load(FileDataset(path=path, label="ill", keys=("ward", "age"))).keys) == ["ward", "age"]


def test_classes_that_are_numbers_are_in_the_order_of_numbers(tmp_path: Path) -> None:
    path = table(tmp_path, "x,label", *[f"1,{label}" for label in (10, 9, 2) * 4])

    assert load(FileDataset(path=path)).classes == ("2", "9", "10")


def test_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    path = table(tmp_path, "x,label", *[f"{i},{i % 2}\n" for i in range(10)], encoding="utf-8-sig")

    assert load(FileDataset(path=path)).inputs.shape == (10, 1)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = table(tmp_path, "x,label", *[f"{i},{i % 2}" for i in range(10)])
    parameters = FileDataset(path=path)
    first = load(parameters)
    assert load(parameters) is first

    table(tmp_path, "x,label", *[f"{i},{i % 2}" for i in range(11)])

    assert len(load(parameters)) == 11


def test_an_archive_of_images_is_scaled_to_one(tmp_path: Path) -> None:
    images = np.zeros((10, 4, 4), dtype=np.uint8)
    images[0, 0, 0] = 255

    dataset = load(FileDataset(path=archive(tmp_path, x=images, y=np.arange(10) % 2)))

    assert dataset.inputs.shape == (10, 1, 4, 4)
    assert dataset.inputs[0, 0, 0, 0] == 1.0


def test_an_archive_may_hold_groups(tmp_path: Path) -> None:
    path = archive(tmp_path, x=np.zeros((10, 3)), y=np.arange(10) % 2, group=np.array(["b", "a"] * 5))

    dataset = load(FileDataset(path=path))

    assert list(dataset.keys) == ["group"]
    assert dataset.keys["group"].names == ("a", "b")
    assert dataset.keys["group"].values[:2].tolist() == [1, 0]


def test_an_archive_may_hold_further_keys(tmp_path: Path) -> None:
    arrays = {"group": np.array(["b", "a"] * 5), "month": np.arange(10) // 5 + 8, "other": np.zeros(3)}
    path = archive(tmp_path, x=np.zeros((10, 3)), y=TEN, **arrays)

    dataset = load(FileDataset(path=path, keys=("month",)))

    assert list(dataset.keys) == ["group", "month"]
    assert dataset.keys["month"].names == ("8", "9")
    assert dataset.keys["month"].values.tolist() == [0] * 5 + [1] * 5


def test_an_archive_without_a_group_has_the_keys_that_are_named(tmp_path: Path) -> None:
    path = archive(tmp_path, x=np.zeros((10, 3)), y=TEN, month=TEN)

    assert list(load(FileDataset(path=path, keys=("month",))).keys) == ["month"]
    assert not load(FileDataset(path=path)).keys


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (("year",), 'data.dataset.keys: {path} has no column "year"; the columns are "age", "label", "ward"'),
        (("label",), 'data.dataset.keys: "label" is already the label; name another column'),
        (("ward",), 'data.dataset.keys: "ward" is already the group; name another column'),
        (("age", "age"), 'data.dataset.keys: "age" is already a key; name another column'),
        (("age",), "{path}:1: there is no column to learn from"),
    ],
)
def test_keys_that_a_table_does_not_have_are_refused(tmp_path: Path, keys: tuple[str, ...], told: str) -> None:
    path = table(tmp_path, "age,label,ward", *["1,a,p", "2,b,q"] * 6)

    assert told.format(path=path) in refusal(FileDataset(path=path, group="ward", keys=keys))


def test_an_empty_cell_of_a_key_is_refused_with_its_line(tmp_path: Path) -> None:
    path = table(tmp_path, "age,label,month", "1,a,May", "2,b,")

    assert 'wards.csv:3: column "month": the cell is empty' in refusal(FileDataset(path=path, keys=("month",)))


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (("year",), 'there is no array "year"; the file holds "x", "y", "month", "short", "dose"'),
        (("x",), 'data.dataset.keys: "x" is already the records; name another array'),
        (("y",), 'data.dataset.keys: "y" is already the label; name another array'),
        (("month", "month"), 'data.dataset.keys: "month" is already a key; name another array'),
        (("short",), "x has 10, y has 10, short has 3"),
        (("dose",), "dose must hold integers or text; record 0 has 0.5"),
    ],
)
def test_keys_that_an_archive_does_not_have_are_refused(tmp_path: Path, keys: tuple[str, ...], told: str) -> None:
    path = archive(tmp_path, x=np.zeros((10, 2)), y=TEN, month=TEN, short=TEN[:3], dose=TEN + 0.5)

    assert told in refusal(FileDataset(path=path, keys=keys))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"label": "y"}, 'data.dataset.label: "y" would do nothing: label names a column of a .csv file, in a .npz'),
        ({"group": "ward"}, "in a .npz file the groups are the array group; leave it out"),
    ],
)
def test_names_of_columns_are_refused_for_an_archive(tmp_path: Path, given: dict[str, str], told: str) -> None:
    path = archive(tmp_path, x=np.zeros((10, 2)), y=TEN, ward=TEN)

    assert told in refusal(FileDataset(path=path, **given))
    assert len(load(FileDataset.model_validate_json(FileDataset(path=path).model_dump_json()))) == 10


def test_a_missing_file_and_a_wrong_suffix_are_refused(tmp_path: Path) -> None:
    assert "there is no file" in refusal(FileDataset(path=str(tmp_path / "none.csv")))
    assert "must end in .npz or .csv" in refusal(FileDataset(path=str(tmp_path / "wards.xlsx")))


@pytest.mark.parametrize(
    ("lines", "group", "told"),
    [
        ([], "", 'no column "label"; the columns are none'),
        (["age,ill", *["1,2"] * 12], "", 'no column "label"; the columns are "age", "ill"'),
        (["age,label", *["1,2"] * 12], "ward", 'no column "ward"; the columns are "age", "label"'),
        (["age,label", *["1,2"] * 12], "label", "is already the label"),
        (["age,age,label", *["1,2,3"] * 12], "", "two columns have the same name"),
        (["label", *["1"] * 12], "", "no column to learn from"),
        (["age,label", "1,a", "1,b", "x,a"], "", 'wards.csv:4: column "age": "x" is not a number'),
        (["age,label", "1,a", "1_000,b"], "", 'wards.csv:3: column "age": "1_000" is not a number'),
        (["age,label", "1,a", "x,b"], "", "name the column in group or keys of data.dataset, or leave it out"),
        (["age,label", "1,a", ",b"], "", 'wards.csv:3: column "age": the cell is empty'),
        (["age,label", "1,a", "2,"], "", 'wards.csv:3: column "label": the cell is empty'),
        (["age,label", "1,a", "nan,b"], "", 'wards.csv:3: column "age": nan is not a finite float32'),
        (["age,label", "1,a", "1e39,b"], "", "1e39 is not a finite float32"),
        (["age,label", "1,a", "1,b,c"], "", "wards.csv:3: 3 cells, but the header names 2 columns"),
        (["age,label", '"1,a'], "", "not comma-separated values"),
        (["age,label", "1,a", "2,b"], "", "2 records; at least 10 are needed"),
        (["age,label"], "", "0 records; at least 10 are needed"),
        (["age,label", *["1,a"] * 12], "", 'every record has the label "a"'),
    ],
)
def test_a_table_that_cannot_be_used_says_where(tmp_path: Path, lines: list[str], group: str, told: str) -> None:
    assert told in refusal(FileDataset(path=table(tmp_path, *lines), group=group))


def test_a_table_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, "age,label", "1,ä", encoding="latin-1")

    assert "not text in UTF-8" in refusal(FileDataset(path=path))


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"x": np.zeros((10, 2))}, 'there is no array "y"; the file holds "x"'),
        ({"x": np.zeros((9, 2)), "y": TEN}, "x has 9, y has 10"),
        ({"x": np.zeros((10, 2)), "y": TEN, "group": TEN[:3]}, "group has 3"),
        ({"x": np.zeros((10, 2)), "y": TEN[:, None]}, "y must have one dimension"),
        ({"x": np.zeros(10), "y": TEN}, "x has the shape (10,); valid are [n, columns]"),
        ({"x": np.zeros((10, 0)), "y": TEN}, "x has the shape (10, 0)"),
        ({"x": np.array(["a"] * 10)[:, None], "y": TEN}, "x must hold numbers"),
        ({"x": np.array([[{}]] * 10), "y": TEN}, "x holds Python objects"),
        ({"x": np.zeros((10, 2)), "y": np.array([None] * 10)}, "y holds Python objects"),
        ({"x": np.full((10, 2), np.inf), "y": TEN}, "NaN, infinity or more than float32 can, first in record 0"),
        ({"x": np.full((10, 2), 1e39), "y": TEN}, "NaN, infinity or more than float32 can"),
        ({"x": np.zeros((10, 2)), "y": TEN / 4}, "integers or text; record 1 has 0.25"),
        ({"x": np.zeros((10, 2)), "y": np.full(10, np.nan)}, "integers or text; record 0 has nan"),
        ({"x": np.zeros((10, 2)), "y": TEN + 1e19}, "integers or text; record 0 has 1e+19"),
        ({"x": np.zeros((0, 2)), "y": TEN[:0]}, "0 records; at least 10"),
        ({"x": np.zeros((0, 4, 4)), "y": TEN[:0]}, "0 records; at least 10"),
        ({"x": np.zeros((10, 2)), "y": np.zeros(10, int)}, 'every record has the label "0"'),
        ({"x": np.full((10, 4, 4), 7.0), "y": TEN}, "pixels lie in 7..7; valid are uint8, or floating point in 0..1"),
        ({"x": np.zeros((2, 2)), "y": TEN[:2]}, "2 records; at least 10"),
    ],
)
def test_an_archive_that_cannot_be_used_says_why(tmp_path: Path, arrays: dict[str, object], told: str) -> None:
    assert told in refusal(FileDataset(path=archive(tmp_path, **arrays)))


@pytest.mark.parametrize("kept", [0, 20, 200])
def test_a_truncated_archive_is_refused(tmp_path: Path, kept: int) -> None:
    path = Path(archive(tmp_path, x=np.zeros((10, 2)), y=TEN))
    path.write_bytes(path.read_bytes()[:kept])

    assert "damaged or no .npz archive" in refusal(FileDataset(path=str(path)))


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    path = Path(archive(tmp_path, x=np.zeros((10, 2)), y=TEN))
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)

    assert "damaged or no .npz archive" in refusal(FileDataset(path=str(path)))


def _with_header(tmp_path: Path, shape: tuple[int, ...], content: bytes) -> FileDataset:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x.npy", header.getvalue() + content)
        file.writestr("y.npy", content)
    return FileDataset(path=str(tmp_path / "bomb.npz"))


def test_an_array_too_large_for_the_memory_is_refused_by_its_header(tmp_path: Path) -> None:
    told = refusal(_with_header(tmp_path, (10, 10**10), b"\0" * 10))

    assert "x would take 400,000,000,000 bytes; at most 2,147,483,648 are read" in told


def test_an_array_shorter_than_its_header_says_is_refused(tmp_path: Path) -> None:
    assert "it ends before its 100,000 values do" in refusal(_with_header(tmp_path, (10, 10**4), b"\0" * 10))


def _with_member(tmp_path: Path, x: bytes, compression: int = zipfile.ZIP_STORED) -> FileDataset:
    labels = io.BytesIO()
    np.save(labels, TEN)
    with zipfile.ZipFile(tmp_path / "odd.npz", "w", compression) as file:
        file.writestr("x.npy", x)
        file.writestr("y.npy", labels.getvalue())
    return FileDataset(path=str(tmp_path / "odd.npz"))


def _member(header: str, content: bytes = bytes(160)) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + content


def _described(shape: str, descr: str = "'<f8'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (_described("(0, 2)"), "x has 0, y has 10"),
        (_described("(-10, 2)"), "no array has the shape (-10, 2)"),
        (_described("(True, 2)"), "no array has the shape (True, 2)"),
        (_described(f"(0, {10**30})"), f"no array has the shape (0, {10**30})"),
        (_described(f"({10**12}, 2)"), "x would take 16,000,000,000,000 bytes; at most 2,147,483,648 are read"),
        (_described(f"({'9' * 5000}, 2)"), "Cannot parse header"),
        (_described("(10, 2)", "'|V0'"), "x must hold numbers, not |V0"),
        (_described("(10, 2)", "['<f8'"), "its header describes none"),
        (_described("(10L, 2L", "'''<f8'"), "its header describes none"),
        ("{[1]: 2}", "its header describes none"),
        ("{1: 2, 'a': 3}", "its header describes none"),
        ("  1L\n 2", "its header describes none"),
        ("-" * 9000 + "1", "its header describes none"),
        ("(" * 3000, "is no NumPy array"),
        (" " * 20_000 + _described("(10, 2)"), "Header info length"),
    ],
)
def test_a_crafted_header_is_refused_in_words(tmp_path: Path, header: str, told: str) -> None:
    refused = refusal(_with_member(tmp_path, _member(header)))

    assert told in refused
    assert len(refused) < len(str(tmp_path)) + 240


@pytest.mark.parametrize("compression", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_only_what_numpy_writes_is_unpacked(tmp_path: Path, compression: int) -> None:
    content = _member(_described("(10, 2)"))

    assert load(_with_member(tmp_path, content)).inputs.shape == (10, 2)
    assert "x is compressed as NumPy never does" in refusal(_with_member(tmp_path, content, compression))


def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    parameters = _with_member(tmp_path, _member(_described("(10, 2)")))
    with zipfile.ZipFile(parameters.path, "a") as file:
        file.writestr("x", b"")

    assert 'two arrays are called "x"' in refusal(parameters)


@pytest.mark.parametrize("code", [0xD800, 0x110000, 0xFFFFFFFF])
def test_text_of_no_characters_is_refused(tmp_path: Path, code: int) -> None:
    text = np.array([code, ord("a")] * 5, np.uint32).view("<U1")

    assert "y holds text with characters that are none" in refusal(
        FileDataset(path=archive(tmp_path, x=np.zeros((10, 2)), y=text))
    )


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memory.csv"
    path.symlink_to("/proc/self/mem")  # a regular file whose first byte nobody can read, root neither

    assert "cannot be read: Input/output error" in refusal(FileDataset(path=str(path)))


def test_what_a_file_holds_forges_no_line_and_says_nothing_to_the_terminal(tmp_path: Path) -> None:
    for name in ("a\n/etc/passwd:1: fine", "a\x1b[31m", "a\u2028b"):
        assert refusal(FileDataset(path=str(tmp_path / f"{name}.csv"))).isprintable()
    assert '"\\x1b[2Jage", "label"' in refusal(
        FileDataset(path=table(tmp_path, "\x1b[2Jage,label", *["1,2"] * 12), group="ward")
    )


def test_a_label_with_an_underscore_is_a_name_and_no_number(tmp_path: Path) -> None:
    rows = [f"{n},{'1_000' if n % 2 else '1000'}" for n in range(12)]
    data = load(FileDataset(path=table(tmp_path, "age,label", *rows)))

    assert data.classes == ("1000", "1_000")
