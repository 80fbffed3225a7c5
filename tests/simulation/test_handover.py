"""Large values between a worker and the main process: they come as they were, whatever there is room for."""

import os
from multiprocessing.shared_memory import SharedMemory

import pytest

from clients.rounds import Outcome
from simulation.engines import handover
from simulation.engines.handover import Blocks, lay_down, pick_up

LARGE = os.urandom(5000)
OUTCOMES = [
    Outcome({"status": "trained", "envelope": LARGE, "seconds": 0.5}),
    "ValueError: a client failed",
    Outcome({"status": "failed", "reason": "no"}, {"signing_key": b"k" * 32}),
    Outcome({"small": b"few", "envelope": LARGE[::-1], "more": LARGE}),
]


@pytest.fixture
def blocks():
    made = Blocks()
    yield made
    made.close()


@pytest.mark.parametrize("size", [0, 4999, 5000, 10_000, 15_000, 100_000])
def test_outcomes_come_as_they_were(blocks, size):
    block = blocks.lend(size)
    laid = lay_down(OUTCOMES, block)
    found = pick_up(laid, block)
    assert found == OUTCOMES
    assert [list(one.fields) for one in found if isinstance(one, Outcome)] == [
        list(one.fields) for one in OUTCOMES if isinstance(one, Outcome)
    ]


def test_what_is_large_lies_in_the_block_and_is_copied_out_of_it(blocks):
    block = blocks.lend(20_000)
    laid = lay_down(OUTCOMES, block)
    assert [len(one.places) for one in laid] == [1, 0, 0, 2]
    assert laid[0].outcome.fields["envelope"] == b""
    found = pick_up(laid, block)
    block.buf[:15_000] = bytes(15_000)
    assert found == OUTCOMES


def test_a_block_is_lent_again_when_it_is_back(blocks):
    first, second = blocks.lend(10_000), blocks.lend(10_000)
    assert first.name != second.name
    blocks.take_back(first)
    assert blocks.lend(9_000) is first
    blocks.take_back(None)


def test_without_room_there_is_no_block(monkeypatch):
    monkeypatch.setattr(handover, "_room", lambda: 15_000)
    made = Blocks()
    first = made.lend(10_000)
    assert made.lend(10_000) is None
    made.take_back(first)
    assert made.lend(10_000) is first
    made.close()


def test_blocks_take_no_more_than_half_of_what_is_free():
    made = Blocks()
    assert made.lend(handover.shutil.disk_usage("/dev/shm").free) is None
    made.close()


def test_closed_blocks_are_gone():
    made = Blocks()
    name = made.lend(10_000).name
    made.close()
    with pytest.raises(FileNotFoundError):
        SharedMemory(name)
