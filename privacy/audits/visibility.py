"""Who saw what: which role could read which quantity, from the trace of a run's messages and nothing else.

A trace says what passed, whom it reached and in which form; the form was told from the bytes (`privacy.forms`). Beside
what is read there is what follows: who holds the key reads the ciphertexts it is sent, who reads single updates can add
them up, and who has the model of two rounds has the sum between them. How many clients added to a sum is known from
the journal's reports, and a sum of one is that one's update.

**What it does not show.** What roles know from elsewhere or tell each other: a server and a key holder that work
together read everything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from privacy.forms import Form
from privacy.protections.protocol import Quantity

Role = Literal["server", "key holder", "other clients", "network"]
"""The network is whoever listens: what a run's transport encrypts, and a simulation's does not, it would not see."""

Sight = Literal["reads", "holds", "decrypts", "works out", "ciphertext", "nothing"]
"""The strongest first: in the clear, never sent, by the key it holds, from what it reads, encrypted, nothing."""

_COMMON: Mapping[str, Quantity] = {
    "arrays.parameters": "global model",
    "plan.own": "weights",
    "plan.scenario": "scenario and seed",
    "reply.ledger": "privacy ledgers",
    "reply.seconds": "training times",
    "reply.records": "records held",
    "reply.loss": "losses",
    "reply.labels": "label sets",
    "reply.public_key": "public keys",
}
"""What the apps' own fields are about, whatever the protection."""

_PERSONAL = ("plan.own",)
"""What is about the very client that it is sent to, so that no client sees another's."""

_BOOKKEEPING = (
    "request.phase",
    "request.parameters",
    "request.clients",
    "request.contributors",
    "request.context",
    "reply.status",
    "reply.reason",
    "reply.client",
    "error",
)
_LAST, _FAR = "from the last layer of a single update", "as far as its noise allows"
_NOISED = ("single updates", "sum of updates", "global model")
_LONGEST_TEXT = 2**17
"""Of a ledger or a reason, on average: more is not bookkeeping."""

_STRENGTH: Mapping[Sight, int] = {sight: -place for place, sight in enumerate(get_args(Sight))}
_READABLE: tuple[Form, ...] = ("figure", "text", "short", "clear", "public-context", "secret-context")


@dataclass(frozen=True)
class Passed:
    """One line of a trace: what passed in a round. `client` is the only one it went to or came from, if only one."""

    to: Literal["clients", "server", "nobody"]
    phase: str
    name: str
    form: Form
    messages: int
    bytes: int
    client: int | None


@dataclass(frozen=True)
class Seen:
    """What one role could see of one quantity, how, and a word on why where it is not plain to see."""

    quantity: str
    role: Role
    how: Sight
    why: str = ""

    @property
    def readable(self) -> bool:
        """Whether the role had it in a form that it could read, by whatever way."""
        return self.how not in ("ciphertext", "nothing")


def passed_of(values: object) -> Passed:
    """A line of a trace as the journal holds it. Raises ValueError on anything else."""
    if not isinstance(values, Mapping) or values.keys() != Passed.__annotations__.keys():
        raise ValueError(f"a message's line has the keys {', '.join(Passed.__annotations__)}")
    to, phase, name, form, client = (values[key] for key in ("to", "phase", "name", "form", "client"))
    counts = values["messages"], values["bytes"]
    sound = (
        to in ("clients", "server", "nobody")
        and isinstance(phase, str)
        and isinstance(name, str)
        and form in get_args(Form)
        and all(type(count) is int and count >= 0 for count in counts)
        and (client is None or type(client) is int)
    )
    if not sound:
        raise ValueError("a message's line has a value that it cannot have")
    return Passed(to, phase, name, form, *counts, client)


def roles(rounds: Sequence[Sequence[Passed]]) -> tuple[Role, ...]:
    """Who there was in a run: a key holder only where one sent a key."""
    return get_args(Role) if _key_holders(rounds) else ("server", "other clients", "network")


def noise_told(noised: bool, from_the_system: bool) -> str:
    """What is said of the noise in what is read; everybody is sent the seed that seeded noise is drawn from."""
    if not noised:
        return ""
    return "with the noise that clients added" if from_the_system else "with noise from a seed that all were sent"


def table(
    rounds: Sequence[Sequence[Passed]], carries: Mapping[str, Quantity], noise: str, added: Sequence[int] = ()
) -> tuple[Seen, ...]:
    """A cell for each quantity and role, quantities in their own order, those that have no name last.

    `rounds` holds the trace of each of the journal's lines, `carries` what the protection's fields are about, `noise`
    what is said of the noise that clients add before they send, or nothing where they add none, and `added` how many
    clients added anything to each sum, as far as that is known. A single update tells its client's labels as far as
    noise allows (Zhao, Mopuri & Bilen 2020, arXiv 2001.02610).
    """
    holders, present = _key_holders(rounds), roles(rounds)
    found: dict[tuple[str, Role], Seen] = {}
    for passed in _all(rounds):
        quantity = quantity_of(passed, carries)
        if quantity is not None:
            for role in _who(passed, holders):
                _better(found, _direct(quantity, role, passed.form, noise))
    if holders:
        _better(found, Seen("secret key", "key holder", "holds", "it made the key, which was never sent"))
    models = sum(any(passed.name == "arrays.parameters" for passed in one) for one in rounds)
    uploads = [count for count in (*added, *(_uploads(one, carries) for one in rounds)) if count]
    for _ in range(2):  # what follows from what follows: single updates from a sum that was worked out
        for role in present:
            for seen in list(_follows(found, role, models, min(uploads, default=0), noise)):
                _better(found, seen)
    quantities = dict.fromkeys([*get_args(Quantity), *(quantity for quantity, _ in found)])
    return tuple(
        found.get((quantity, role)) or Seen(quantity, role, "nothing") for quantity in quantities for role in present
    )


def leaks(rounds: Sequence[Sequence[Passed]], carries: Mapping[str, Quantity], hides_updates: bool) -> tuple[str, ...]:
    """What travelled against what was promised, a sentence each: secret keys always, and what is hidden in the clear.

    Under a protection that hides updates a client sends nothing else that could be one, either: no data in the clear
    under whatever name but the decrypted sum, no long text, and nothing unnamed that is more than a figure or a key.
    Who hides data in what looks like ciphertexts is not found.
    """
    found: dict[str, None] = {}
    for passed in _all(rounds):
        quantity = quantity_of(passed, carries)
        said = f"as {passed.name!r} in phase {passed.phase!r}"
        if passed.form == "secret-context":
            found[f"a secret key travelled {said}"] = None
        elif hides_updates and quantity == "single updates" and passed.form in _READABLE:
            found[f"single updates travelled in the clear {said}"] = None
        elif hides_updates and passed.to != "clients" and _could_be_anything(passed, quantity):
            found[f"something that could be an update travelled in the clear {said}"] = None
    return tuple(found)


def _could_be_anything(passed: Passed, quantity: str | None) -> bool:
    """Whether data of a client could stand in a value that it sent in the clear."""
    match passed.form:
        case "clear":
            return quantity != "sum of updates"
        case "text":
            return _is_unnamed(quantity) or passed.bytes > _LONGEST_TEXT * passed.messages
        case "public-context":
            return quantity != "public keys"
        case _:
            return False


def quantity_of(passed: Passed, carries: Mapping[str, Quantity]) -> str | None:
    """What a value is about; None for bookkeeping that is about nobody's data, its own name where nothing is known."""
    record, _, field = passed.name.partition(".")
    if passed.form == "secret-context":
        return "secret key"
    named = carries.get(f"{passed.phase}.{field}") if record in ("request", "reply") else None
    if named or passed.name in _COMMON:
        return named or _COMMON[passed.name]
    if record == "arrays":
        return "learner's state"
    return None if passed.name in _BOOKKEEPING else f"unnamed: {passed.name}"


def _is_unnamed(quantity: str | None) -> bool:
    return quantity is not None and quantity not in get_args(Quantity)


def _all(rounds: Iterable[Sequence[Passed]]) -> Iterable[Passed]:
    return (passed for one in rounds for passed in one)


def _key_holders(rounds: Sequence[Sequence[Passed]]) -> frozenset[int]:
    """Who sent the server an encryption context made the key that belongs to it."""
    contexts: tuple[Form, ...] = ("public-context", "secret-context")
    sent = [one for one in _all(rounds) if one.to != "clients" and one.form in contexts]
    return frozenset(one.client for one in sent if one.client is not None)


def _who(passed: Passed, holders: frozenset[int]) -> tuple[Role, ...]:
    """Whom a message told of others: whoever it reached, whoever sent it, and whoever listens."""
    match passed.to:
        case "server":
            return "server", "network"
        case "nobody":
            return ("network",)
        case "clients" if passed.name in _PERSONAL:
            return "server", "network"
        case "clients" if not holders:
            return "server", "other clients", "network"
        case "clients" if passed.client is None:
            return "server", "key holder", "other clients", "network"
        case "clients":
            return "server", "key holder" if passed.client in holders else "other clients", "network"


def _direct(quantity: str, role: Role, form: Form, noise: str) -> Seen:
    if form in _READABLE:
        return Seen(quantity, role, "reads", noise if quantity in _NOISED else "")
    if role == "key holder":
        return Seen(quantity, role, "decrypts", "it is sent the ciphertext and holds the key")
    return Seen(quantity, role, "ciphertext")


def _follows(
    found: Mapping[tuple[str, Role], Seen], role: Role, models: int, uploads: int, noise: str
) -> Iterable[Seen]:
    """`models` is how many rounds had one, `uploads` how many there were in the round that had fewest."""

    def readable(quantity: Quantity) -> bool:
        seen = found.get((quantity, role))
        return seen is not None and seen.readable

    if readable("single updates"):
        yield Seen("sum of updates", role, "works out", "it adds up the single updates")
        yield Seen(
            "label sets", role, "works out", f"from the last layer of a single update, {_FAR}" if noise else _LAST
        )
        return
    if readable("global model") and models > 1:
        yield Seen("sum of updates", role, "works out", "it is the difference between the models of two rounds")
    if readable("sum of updates") and uploads == 1:
        yield Seen("single updates", role, "works out", "in a round there was only one to add up")
    if readable("sum of updates") and uploads == 2 and role in ("key holder", "other clients"):
        yield Seen("single updates", role, "works out", "in a round there were two, and it takes away its own")


def _uploads(passed: Iterable[Passed], carries: Mapping[str, Quantity]) -> int:
    return sum(one.messages for one in passed if one.to == "server" and quantity_of(one, carries) == "single updates")


def _better(found: dict[tuple[str, Role], Seen], seen: Seen) -> None:
    before = found.get((seen.quantity, seen.role))
    if before is None or _STRENGTH[seen.how] > _STRENGTH[before.how]:
        found[seen.quantity, seen.role] = seen
