"""What every process of a run needs: a name for Flower, one thread, an end, and whether Ctrl-C is its to handle."""

import multiprocessing
import os
import signal
import threading
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext

import torch
from flwr.supercore.task_identity import TaskIdentity
from threadpoolctl import threadpool_limits

RUN_ID = 1
_SERVER_NODE = 1


def identify_process() -> None:
    """Tell Flower which task this process is; `Message` cannot be made before. The one place that knows."""
    TaskIdentity.run_id = RUN_ID
    TaskIdentity.task_id = 1
    TaskIdentity.node_id = _SERVER_NODE


def use_one_thread() -> None:
    """One thread for all arithmetic of this process: processes share the cores, and a sum's bits depend on threads."""
    torch.set_num_threads(1)
    threadpool_limits(1)


def fork_server(module: str) -> ForkServerContext:
    """What processes are forked from: a process of its own that imports a module once, beside the main one's own start.

    Forking the main process itself is not safe once torch and grpc run threads in it. Ctrl-C is the main process' to
    handle: it is kept from the server, which may still import, and from all that it forks.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([module])
    resource_tracker.ensure_running()  # the server would start it, and let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return context


def heed_interrupts() -> None:
    """Let a process of the fork server be stopped as Ctrl-C stops the main one, by whoever sends it the signal."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end_with_parent() -> None:
    """End this process, whatever it does, when the one that started it is killed: nobody else would."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
