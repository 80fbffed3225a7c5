import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from scenarios import cache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "fedcrucible"


class Counting:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> np.ndarray:
        self.calls += 1
        return np.arange(6, dtype=np.float32).reshape(2, 3)


def test_an_array_is_computed_once(folder: Path) -> None:
    compute = Counting()

    first, second = cache.recall("key", compute), cache.recall("key", compute)

    assert compute.calls == 1
    assert np.array_equal(first, second)
    assert second.dtype == np.float32
    assert not first.flags.writeable
    assert not second.flags.writeable


def test_another_key_is_another_array(folder: Path) -> None:
    cache.recall("key", lambda: np.zeros(2))

    assert cache.recall("another key", lambda: np.ones(2)).tolist() == [1.0, 1.0]


def test_the_folder_is_its_owners_alone(folder: Path) -> None:
    cache.recall("key", Counting())

    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.suffix for path in folder.iterdir()] == [".npy"]


@pytest.mark.parametrize("damage", ["emptied", "cut", "flipped", "folder", "pickle"])
def test_a_damaged_file_is_computed_again(folder: Path, damage: str) -> None:
    compute = Counting()
    cache.recall("key", compute)
    (path,) = folder.iterdir()
    stored = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "pickle":
        np.save(path, np.array([{}], dtype=object))
    else:
        flipped = stored[:130] + bytes([stored[130] ^ 1]) + stored[131:]
        path.write_bytes({"emptied": b"", "cut": stored[:-40], "flipped": flipped}[damage])

    again = cache.recall("key", compute)

    assert compute.calls == 2
    assert again.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert cache.recall("key", Counting()).shape == (2, 3)


def test_a_folder_that_others_can_write_to_is_not_trusted(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    compute = Counting()

    cache.recall("key", compute)
    cache.recall("key", compute)

    assert compute.calls == 2
    assert list(folder.iterdir()) == []


def _recall_from_a_process(value: float) -> float:
    return float(cache.recall("contested", lambda: np.full(100_000, value))[-1])


def test_processes_that_compute_at_once_leave_one_whole_file(folder: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(_recall_from_a_process, [1.0] * 8)

    assert cache.recall("contested", lambda: np.zeros(1)).sum() == 100_000
    assert len(list(folder.iterdir())) == 1
