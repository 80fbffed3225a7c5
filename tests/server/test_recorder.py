import numpy as np
import pytest

from server.run_directory import journal
from server.run_directory.checkpoint import Checkpoint, Checkpoints
from server.run_directory.files import RunDirectory
from server.run_directory.recorder import Recorder


def rounds(count):
    previous = journal.GENESIS
    for number in range(1, count + 1):
        line = journal.link(previous, {"kind": "round", "round": number})
        previous = line.hash
        yield Checkpoint(number, {"parameters": np.full(3, number, np.float32)}, b"", line, {0: {"ledger": "[]"}})


@pytest.mark.parametrize("waits", [True, False])
def test_rounds_are_written_in_order_and_the_last_checkpoint_stays(waits, tmp_path):
    directory, kept = RunDirectory(tmp_path), list(rounds(5))
    with Recorder(directory, waits) as recorder:
        for one in kept:
            recorder.keep(one)
    assert journal.read(directory.journal) == [one.line.record for one in kept]
    assert Checkpoints(directory.checkpoint).newest().arrays["parameters"].tolist() == [5, 5, 5]


def test_with_unseeded_noise_a_round_is_on_the_disk_before_the_next_begins(tmp_path):
    directory = RunDirectory(tmp_path)
    with Recorder(directory, waits=True) as recorder:
        for one in rounds(3):
            recorder.keep(one)
            assert journal.read(directory.journal)[-1] == one.line.record


def test_a_line_comes_after_the_rounds_before_it(tmp_path):
    directory = RunDirectory(tmp_path)
    with Recorder(directory, waits=False) as recorder:
        for one in rounds(3):
            recorder.keep(one)
        recorder.append(journal.link(one.line.hash, {"kind": "end"}))
    assert [record["kind"] for record in journal.read(directory.journal)] == ["round", "round", "round", "end"]


def test_a_write_that_fails_is_not_silent(tmp_path):
    directory = RunDirectory(tmp_path)
    directory.checkpoint.write_text("in the way")
    with pytest.raises(OSError, match="checkpoint"), Recorder(directory, waits=False) as recorder:
        recorder.keep(next(rounds(1)))
