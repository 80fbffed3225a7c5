"""The in-process Grid: Flower's seam between server and clients, without a daemon, on any number of workers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from flwr.app import ConfigRecord, Context, Error, Message, RecordDict
from flwr.serverapp import Grid
from flwr.supercore.run import Run

from clients import rounds
from clients.app import app
from clients.memory import RECORD
from clients.rounds import Admitted
from server.run_directory.checkpoint import ClientState
from simulation.engines.processes import RUN_ID, identify_process
from simulation.engines.workers import Workers, failure_of

_FIRST_CLIENT_NODE = 1000
_CLIENT_FAILED = 1


class LocalGrid(Grid):
    """Clients 0..n-1 as Contexts in this process; those that train in a round train together, on any of the workers.

    Who trains with whom depends on their plans alone, so the bits of a run do not depend on `workers`.
    """

    def __init__(self, clients: int, workers: int) -> None:
        identify_process()
        self._contexts = {
            _FIRST_CLIENT_NODE + client: Context(
                run_id=RUN_ID,
                node_id=_FIRST_CLIENT_NODE + client,
                node_config={"partition-id": client, "num-partitions": clients},
                state=RecordDict(),
                run_config={},
            )
            for client in range(clients)
        }
        self._workers = Workers(workers)
        self._asked = set(self._contexts)
        self._memories: dict[int, ClientState] = {}

    def close(self) -> None:
        """End the workers."""
        self._workers.close()

    def memories(self) -> dict[int, ClientState]:
        """Each client's own memory, for the checkpoint; those whom nothing was asked since have the one they had."""
        for node in self._asked:
            record = self._contexts[node].state.get(RECORD)
            if isinstance(record, ConfigRecord):
                found = {key: value for key, value in record.items() if isinstance(value, int | float | str | bytes)}
                client = node - _FIRST_CLIENT_NODE
                if self._memories.get(client) != found:
                    self._memories[client] = found
        self._asked = set()
        return dict(self._memories)

    def restore(self, memories: Mapping[int, ClientState]) -> None:
        """Give each client back what `memories` returned."""
        for client, memory in memories.items():
            node = _FIRST_CLIENT_NODE + client
            self._contexts[node].state = RecordDict({RECORD: ConfigRecord(dict(memory))})
            self._asked.add(node)

    def set_run(self, run: Run) -> None:
        """Nothing to set: this Grid lives for one run."""

    @property
    def run(self) -> Run:
        """The run of this Grid."""
        return Run.create_empty(RUN_ID)

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

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> Iterator[Message]:
        """Yield the replies as they come, those of training in the order in which clients were put together.

        Clients always answer: no timeout. Nothing happens for a reply that is not taken.
        """
        training = []
        for message in messages:
            self._asked.add(message.metadata.dst_node_id)
            context = self._contexts[message.metadata.dst_node_id]
            if message.metadata.message_type != "train":
                yield _guarded(message, context)
                continue
            admitted = _admitted(message, context)
            if isinstance(admitted, Message):
                yield admitted
            else:
                training.append(admitted)
        if training:
            yield from self._trained(training)

    def _trained(self, admitted: Sequence[Admitted]) -> Iterator[Message]:
        arrays = rounds.arrays_of(admitted[0].message)
        chunks = rounds.chunks(admitted)
        performed = self._workers.perform([[one.task for one in chunk] for chunk in chunks], arrays)
        for chunk, outcomes in zip(chunks, performed, strict=True):
            for one, outcome in zip(chunk, outcomes, strict=True):
                if isinstance(outcome, str):
                    yield _failed(one.message, outcome)
                else:
                    yield rounds.answer(one, outcome)


def _guarded(message: Message, context: Context) -> Message:
    """Let the ClientApp answer one message. A client that raises gives an error reply, as on any Flower node."""
    try:
        return app(message, context)
    except Exception as error:  # noqa: BLE001 - whatever a client raises is that client's failure alone
        return _failed(message, failure_of(error))


def _admitted(message: Message, context: Context) -> Admitted | Message:
    try:
        return rounds.admit(message, context)
    except Exception as error:  # noqa: BLE001 - as above
        return _failed(message, failure_of(error))


def _failed(message: Message, reason: str) -> Message:
    return Message(Error(_CLIENT_FAILED, reason), reply_to=message)
