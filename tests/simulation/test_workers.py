"""Where a chunk of clients is trained: here until the workers have started, then there, in the chunks' order."""

from concurrent.futures import Future

import numpy as np
import pytest

from simulation import workers
from simulation.workers import Workers

CHUNKS = [[1, 2], [3], [4, 5, 6]]
START = np.arange(3, dtype=np.float32)


class Starting:
    """A pool whose first answer, that it has started, comes when it is told to."""

    def __init__(self):
        self.started, self.given = Future(), 0

    def submit(self, function, *arguments):
        if not arguments:
            return self.started
        self.given += 1
        done = Future()
        done.set_result([f"worker {task}" for task in arguments[0]])
        return done

    def shutdown(self, **_):
        pass


@pytest.fixture
def pool(monkeypatch):
    made = Starting()
    monkeypatch.setattr(workers, "_start", lambda count: made)
    monkeypatch.setattr(workers, "_perform", lambda tasks, start: [f"here {task}" for task in tasks])
    return made


def test_no_work_waits_for_workers_to_start(pool):
    two = Workers(2)
    assert list(two.perform(CHUNKS, START)) == [["here 1", "here 2"], ["here 3"], ["here 4", "here 5", "here 6"]]
    assert pool.given == 0
    two.close()


def test_workers_take_over_in_the_middle_of_a_round(pool):
    two = Workers(2)
    performed = two.perform(CHUNKS, START)
    first = next(performed)
    pool.started.set_result(1)
    assert [first, *performed] == [["here 1", "here 2"], ["worker 3"], ["worker 4", "worker 5", "worker 6"]]
    assert pool.given == 2
    two.close()
