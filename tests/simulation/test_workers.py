"""Where a chunk of clients is trained: here until the workers have started, then there, in the chunks' order."""

import threading
import time
from concurrent.futures import Future

import numpy as np
import pytest

from simulation.engines import workers
from simulation.engines.handover import Laid
from simulation.engines.workers import Workers

CHUNKS = [[1, 2], [3], [4, 5, 6]]
START = {"parameters": np.arange(3, dtype=np.float32)}


class Pool:
    """Processes that have started when they are told to."""

    def __init__(self):
        self.begun, self.given = threading.Event(), 0

    def start(self, count):
        self.begun.wait(10)
        return self

    def submit(self, function, tasks, *arguments):
        self.given += 1
        done = Future()
        done.set_result([Laid(f"worker {task}", {}) for task in tasks])
        return done

    def shutdown(self, **_):
        pass


@pytest.fixture
def pool(monkeypatch):
    made = Pool()
    monkeypatch.setattr(workers, "_start", made.start)
    monkeypatch.setattr(workers.rounds, "upload_bytes", lambda tasks, start: 0)
    monkeypatch.setattr(workers, "_perform", lambda tasks, start: [f"here {task}" for task in tasks])
    yield made
    made.begun.set()


def test_no_work_waits_for_workers_to_start(pool):
    two = Workers(2)
    found = list(map(list, two.perform(CHUNKS, START)))
    assert found == [["here 1", "here 2"], ["here 3"], ["here 4", "here 5", "here 6"]]
    assert pool.given == 0
    pool.begun.set()
    two.close()


def test_workers_take_over_in_the_middle_of_a_round(pool):
    two = Workers(2)
    performed = two.perform(CHUNKS, START)
    first = next(performed)
    pool.begun.set()
    while two._started() is None:
        time.sleep(0.001)
    found = [list(first), *map(list, performed)]
    assert found == [["here 1", "here 2"], ["worker 3"], ["worker 4", "worker 5", "worker 6"]]
    assert pool.given == 2
    two.close()
