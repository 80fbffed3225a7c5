from dataclasses import replace

import numpy as np

from server.run_directory import checkpoint, journal
from server.run_directory.checkpoint import Checkpoint, Checkpoints


def line(round_):
    return journal.link(journal.GENESIS, {"kind": "round", "round": round_, "epsilon": None})


def kept(round_, context=b"c" * 1000):
    memories = {0: {"ledger": "[]", "secret.context": context, "secret.key": b"k" * 32}, 1: {"secret.context": context}}
    arrays = {"parameters": np.arange(4, dtype=np.float32), "learned/statistics": np.ones(3)}
    return Checkpoint(round_, arrays, context, line(round_), memories)


def test_a_checkpoint_comes_back_as_it_was(tmp_path):
    Checkpoints(tmp_path).write(kept(3))
    back = Checkpoints(tmp_path).newest()
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
    assert Checkpoints(tmp_path).newest() is None


def test_a_half_written_checkpoint_is_not_seen(tmp_path):
    Checkpoints(tmp_path).write(kept(1))
    (tmp_path / ".fresh.safetensors").write_text("{")
    assert Checkpoints(tmp_path).newest().round == 1


def test_only_the_newest_is_kept_and_equal_bytes_once(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.write(kept(1))
    (tmp_path / ".fresh.safetensors").write_text("what a kill left")
    checkpoints.write(kept(2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blobs", "round-000002.safetensors"]
    assert len(list((tmp_path / "blobs").iterdir())) == 1


def test_only_a_memory_that_changed_is_put_into_words_again(tmp_path, monkeypatch):
    checkpoints, first = Checkpoints(tmp_path), kept(1)
    checkpoints.write(first)
    spelt, encode = [], checkpoint.base64.b64encode
    monkeypatch.setattr(checkpoint.base64, "b64encode", lambda value: spelt.append(value) or encode(value))
    memories = {**first.memories, 1: {"secret.key": b"n" * 32}}
    checkpoints.write(replace(kept(2), memories=memories))
    assert spelt == [b"n" * 32]
    assert Checkpoints(tmp_path).newest().memories == memories
