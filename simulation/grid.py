"""The in-process Grid: Flower's seam between server and clients, without a daemon, on any number of workers."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from flwr.app import ConfigRecord, Context, Error, Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from server.checkpoint import ClientState

_RUN_ID = 1
_SERVER_NODE = 1
_FIRST_CLIENT_NODE = 1000
_CLIENT_FAILED = 1


class LocalGrid(Grid):
    """Clients 0..n-1 as Contexts in this process; their messages are handled here or by worker processes.

    A client's work depends on its message and its Context alone, so the bits of a run do not depend on `workers`.
    """

    def __init__(self, clients: int, workers: int) -> None:
        identify_process()
        self._contexts = {
            _FIRST_CLIENT_NODE + client: Context(
                run_id=_RUN_ID,
                node_id=_FIRST_CLIENT_NODE + client,
                node_config={"partition-id": client, "num-partitions": clients},
                state=RecordDict(),
                run_config={},
            )
            for client in range(clients)
        }
        self._pool = _start_workers(workers) if workers > 1 else None

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def memories(self) -> dict[int, ClientState]:
        """Each client's own memory, for the checkpoint."""
        found: dict[int, ClientState] = {}
        for node, context in self._contexts.items():
            for record in context.state.values():
                assert isinstance(record, ConfigRecord)
                found[node - _FIRST_CLIENT_NODE] = {
                    name: value for name, value in record.items() if isinstance(value, int | float | str | bytes)
                }
        return found

    def restore(self, memories: Mapping[int, ClientState]) -> None:
        """Give each client back what `memories` returned."""
        from clients.memory import RECORD

        for client, memory in memories.items():
            state = RecordDict({RECORD: ConfigRecord(dict(memory))})
            self._contexts[_FIRST_CLIENT_NODE + client].state = state

    def set_run(self, run: Run) -> None:
        """Nothing to set: this Grid lives for one run."""

    @property
    def run(self) -> Run:
        """The run of this Grid."""
        return Run.create_empty(_RUN_ID)

    def create_message(self, *_: Any, **__: Any) -> Message:  # noqa: ANN401 - Flower's deprecated signature
        """Deprecated by Flower: construct `Message` directly."""
        raise RuntimeError("Grid.create_message is deprecated by Flower; construct Message directly")

    def get_node_ids(self) -> list[int]:
        """The nodes of the clients, ascending by client."""
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> list[str]:
        """Not offered: in one process there is nothing to push to and pull from."""
        raise RuntimeError("the in-process Grid answers at once: use send_and_receive")

    def pull_messages(self, message_ids: Iterable[str]) -> list[Message]:
        """Not offered, as `push_messages`."""
        raise RuntimeError("the in-process Grid answers at once: use send_and_receive")

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        """Handle every message and return the replies in the same order. Clients always answer: no timeout."""
        work = [(message, self._contexts[message.metadata.dst_node_id]) for message in messages]
        if self._pool is None:
            results = [handle(message, context) for message, context in work]
        else:
            results = list(self._pool.map(handle, *zip(*work, strict=True))) if work else []
        for _, context in results:
            self._contexts[context.node_id] = context
        return [reply for reply, _ in results]


def handle(message: Message, context: Context) -> tuple[Message, Context]:
    """Let the ClientApp answer one message. A client that raises gives an error reply, as on any Flower node."""
    from clients.app import app

    try:
        return app(message, context), context
    except Exception as error:  # noqa: BLE001 - whatever a client raises is that client's failure alone
        reason = "".join(traceback.format_exception_only(error)).strip()
        return Message(Error(_CLIENT_FAILED, reason), reply_to=message), context


def identify_process() -> None:
    """Tell Flower which task this process is; `Message` cannot be made before. The one place that knows."""
    TaskIdentity.run_id = _RUN_ID
    TaskIdentity.task_id = 1
    TaskIdentity.node_id = _SERVER_NODE


def _start_workers(workers: int) -> ProcessPoolExecutor:
    # A fork server imports the ClientApp once, beside the main process' own start; forking the main process itself
    # is not safe once torch and grpc run threads in it.
    spawn = multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["clients.app", "privacy.dp_sgd"])
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_start_worker)
    pool.submit(identify_process)
    return pool


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process' to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    identify_process()


def _end_with_parent() -> None:
    """End this worker when the main process is killed: the pool's own queue would keep it waiting for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
