import numpy as np

from server import checkpoint
from server.checkpoint import Checkpoint


def kept(round_, context=b"c" * 1000):
    memories = {0: {"ledger": "[]", "secret.context": context, "secret.key": b"k" * 32}, 1: {"secret.context": context}}
    arrays = {"parameters": np.arange(4, dtype=np.float32), "learned/statistics": np.ones(3)}
    return Checkpoint(round_, arrays, context, {"round": round_, "hash": "h"}, memories)


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    checkpoint.write(tmp_path, kept(3))
    back = checkpoint.newest(tmp_path)
    assert back.arrays["parameters"].tolist() == [0, 1, 2, 3]
    assert {name: array.dtype.name for name, array in back.arrays.items()} == {
        "parameters": "float32",
        "learned/statistics": "float64",
    }
    assert (back.round, back.material, back.line, back.memories) == (
        3,
        kept(3).material,
        kept(3).line,
        kept(3).memories,
    )


def test_there_is_none_before_the_first_round(tmp_path):
    assert checkpoint.newest(tmp_path) is None


def test_a_half_written_checkpoint_is_not_seen(tmp_path):
    checkpoint.write(tmp_path, kept(1))
    (tmp_path / ".round-000002").mkdir()
    (tmp_path / ".round-000002" / "state.json").write_text("{")
    assert checkpoint.newest(tmp_path).round == 1


def test_only_the_newest_is_kept_and_equal_bytes_once(tmp_path):
    checkpoint.write(tmp_path, kept(1))
    checkpoint.write(tmp_path, kept(2))
    assert [path.name for path in tmp_path.glob("round-*")] == ["round-000002"]
    assert len(list((tmp_path / "blobs").iterdir())) == 1
