"""How a protection talks: the server's half is a generator of requests, the client's half a table of answers.

The server drives `prepare` once a run and `collect` once a round; both yield lists of `Request` and are sent back one
`Reply` for each request, as they come in, in any order. A protection touches neither Flower app: the exchange that
carries requests and replies is the caller's.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from privacy.view import Vector, View

Value = bytes | str | int | float | bool
Fields = Mapping[str, Value]

Quantity = Literal[
    "single updates",
    "sum of updates",
    "global model",
    "learner's state",
    "weights",
    "records held",
    "losses",
    "label sets",
    "privacy ledgers",
    "training times",
    "clipped coordinates",
    "scenario and seed",
    "secret key",
    "public keys",
]
"""What a message can be about. Of the plural ones each client has its own."""

UPDATE = "update"
"""The phase in which a client trains first and then answers with its protected update."""


@dataclass(frozen=True)
class Request:
    """One question to one client. In phase `UPDATE` the caller adds the client's plan and the model."""

    client: int
    phase: str
    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """One client's answer; `error` is not empty where there is none (refused, failed, lost)."""

    client: int
    fields: Fields = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class Participant:
    """A client as the server knows it. `weight` is its share of the cohort's weights, which sum to 1."""

    client: int
    weight: float
    public_key: bytes


@dataclass(frozen=True)
class Cohort:
    """The clients of one round, in ascending order, and what their uploads must be bound to."""

    run: str
    round: int
    parameters: int
    participants: tuple[Participant, ...]


@dataclass(frozen=True)
class ClientSide:
    """What a client's answer may use. `secrets` is the client's own store, kept across rounds."""

    client: int
    run: str
    round: int
    weight: float
    secrets: Mapping[str, bytes]
    update: Vector | None = None


Answer = Callable[[ClientSide, Fields], tuple[Fields, Mapping[str, bytes]]]
"""A pure function of a client: (side, fields) -> (the reply's fields, the secrets to keep)."""

Result = TypeVar("Result")
Exchange = Generator[list[Request], Iterable[Reply], Result]


class Protection(Protocol):
    """One way to sum the updates of a cohort. Exactly one is in force in a run."""

    @property
    def hides_updates(self) -> bool:
        """Whether the server learns only the sum, so that rules needing single updates are refused."""

    @property
    def trust(self) -> str:
        """One sentence for the report: who could read what, and who must be trusted."""

    def answers(self) -> Mapping[str, Answer]:
        """The client's half: an answer for each phase."""

    def carries(self) -> Mapping[str, Quantity]:
        """What its own fields are about, by "phase.field": the words of the visibility audit, which looks at them."""

    def upload_bytes(self, parameters: int) -> int:
        """The expected size of one client's upload in bytes."""

    def prepare(self, run: str, clients: Sequence[int]) -> Exchange[bytes]:
        """Set up keys once a run; returns what the server keeps (public material only)."""

    def collect(self, cohort: Cohort, material: bytes) -> Exchange[View]:
        """Gather one round's updates; returns all that the server learned."""
