"""Worker processes for training and encrypting: TenSEAL holds the interpreter's lock, and torch gets one thread."""

import collections
import functools
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.shared_memory import SharedMemory

import numpy as np
import torch
from flwr.supercore.task_identity import TaskIdentity
from threadpoolctl import threadpool_limits

from clients import rounds
from clients.rounds import Outcome, Task
from privacy.view import Vector

RUN_ID = 1
_SERVER_NODE = 1
_AHEAD = 2

Performed = list[Outcome | str]
"""What each task of a chunk came to; a text says why a client failed."""


class Workers:
    """`count` processes; with one, and until they have started, this process does the work itself.

    The global model lies in memory that all of them map, written once a round; data sets are mapped or loaded once a
    process. What travels is a client's plan, its keys and its protected update.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._starting = _in_background(count) if count > 1 else None
        self._model: SharedMemory | None = None

    def close(self) -> None:
        """End the processes and give the shared memory back."""
        if self._starting is not None and self._starting.exception() is None:
            self._starting.result().shutdown(wait=True, cancel_futures=True)
        if self._model is not None:
            self._model.close()
            self._model.unlink()

    def perform(self, chunks: Sequence[Sequence[Task]], start: Vector) -> Iterator[Performed]:
        """Yield each chunk's outcomes in the order of the chunks; only so many are under way that few lie waiting."""
        name, waiting = "", collections.deque[Future[Performed]]()
        for chunk in chunks:
            pool = self._started()
            if pool is None:
                yield _perform(chunk, start)
                continue
            name = name or self._shared(start)
            if len(waiting) == _AHEAD * self._count:
                yield waiting.popleft().result()
            waiting.append(pool.submit(_perform_shared, chunk, name, len(start)))
        while waiting:
            yield waiting.popleft().result()

    def _started(self) -> ProcessPoolExecutor | None:
        """The processes, once they are there."""
        return self._starting.result() if self._starting is not None and self._starting.done() else None

    def _shared(self, start: Vector) -> str:
        if self._model is None:
            self._model = SharedMemory(create=True, size=max(1, start.nbytes))
        _vector(self._model, len(start))[:] = start
        return self._model.name


def identify_process() -> None:
    """Tell Flower which task this process is; `Message` cannot be made before. The one place that knows."""
    TaskIdentity.run_id = RUN_ID
    TaskIdentity.task_id = 1
    TaskIdentity.node_id = _SERVER_NODE


def _perform(tasks: Sequence[Task], start: Vector) -> Performed:
    """All tasks at once; where that fails, one after another, so that only the clients at fault fail."""
    try:
        return [*rounds.perform(tasks, start)]
    except Exception as error:  # noqa: BLE001 - whatever a client raises is that client's failure alone
        if len(tasks) == 1:
            return [failure_of(error)]
        return [outcome for task in tasks for outcome in _perform([task], start)]


def _perform_shared(tasks: Sequence[Task], name: str, parameters: int) -> Performed:
    start = _vector(_mapped(name), parameters)
    start.setflags(write=False)
    return _perform(tasks, start)


def _vector(memory: SharedMemory, parameters: int) -> Vector:
    assert memory.buf is not None
    return np.frombuffer(memory.buf, np.float32, parameters)


@functools.lru_cache(maxsize=1)
def _mapped(name: str) -> SharedMemory:
    return SharedMemory(name)


def _in_background(count: int) -> Future[ProcessPoolExecutor]:
    """Start the processes in a thread: whoever starts one waits until the fork server has imported all it needs."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="workers")
    starting = thread.submit(_start, count)
    thread.shutdown(wait=False)
    return starting


def _start(count: int) -> ProcessPoolExecutor:
    # A fork server imports the ClientApp once, beside the main process' own start; forking the main process itself
    # is not safe once torch and grpc run threads in it.
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["simulation.workers"])
    pool = ProcessPoolExecutor(count, mp_context=server, initializer=_begin)
    pool.submit(os.getpid).result()  # the pool starts its processes with the first thing to do
    return pool


def failure_of(error: Exception) -> str:
    """What a client that raised says in its error reply."""
    return "".join(traceback.format_exception_only(error)).strip()


def one_thread() -> None:
    """One thread for all arithmetic of this process: processes share the cores, and a sum's bits depend on threads."""
    torch.set_num_threads(1)
    threadpool_limits(1)


def _begin() -> None:
    one_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process' to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this worker when the main process is killed: the pool's own queue would keep it waiting for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
