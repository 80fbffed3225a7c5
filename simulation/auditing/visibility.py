"""The visibility audit of a run: the table of who saw what, and whether anything travelled that was to be hidden."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace

from privacy.audits import visibility
from privacy.audits.visibility import Role, Seen
from privacy.findings import Finding
from privacy.guarantees import DpSgd
from simulation.auditing.subject import Subject

_UPDATES = "single updates"
_LIMITS = (
    "Told from the journal's trace of messages and its reports: what roles know from elsewhere or tell each other is "
    "not in them. The "
    "network is whoever listens where the transport does not encrypt, as here."
)


def findings(subject: Subject) -> list[Finding]:
    """The leaks, with the whole table, and how many roles could read single updates.

    Raises ValueError where the run's messages were not traced.
    """
    scenario, protection = subject.scenario, subject.scenario.protection
    if subject.messages is None:
        raise ValueError("the run's journal holds no trace of all of its messages: an earlier version made it")
    noise = visibility.noise_told(isinstance(scenario.privacy, DpSgd), scenario.system_noise)
    added = [len(clients) for clients in subject.added.values()]
    seen = visibility.table(subject.messages, protection.carries(), noise, added)
    leaks = (*visibility.leaks(subject.messages, protection.carries(), protection.hides_updates), *_of_one(subject))
    facts = {
        "protection": protection.kind,
        "leaks": list(leaks),
        "table": [asdict(one) for one in seen],
        "messages": sum(one.messages for line in subject.messages for one in line),
    }
    counted = _finding(f"{_told(leaks, protection.hides_updates)} {_LIMITS}", "leaks", len(leaks), facts, scenario.seed)
    readers = [one.role for one in seen if one.quantity == _UPDATES and one.readable]
    read = _finding(
        _who_reads(seen), "roles that could read single updates", len(readers), {"roles": readers}, scenario.seed
    )
    return [replace(counted, contradiction=bool(leaks)), read]


def _of_one(subject: Subject) -> tuple[str, ...]:
    """Sums that were to hide a client and are its own update, a sentence for each client."""
    rounds: dict[str, list[str]] = {}
    for round_, clients in subject.added.items():
        if len(clients) == 1 and subject.scenario.protection.hides_updates:
            rounds.setdefault(clients[0], []).append(str(round_))
    return tuple(
        f"the sum of round {', '.join(own)}, to which client {client} alone added anything"
        for client, own in rounds.items()
    )


def _finding(statement: str, figure: str, value: int, facts: Mapping[str, object], seed: int) -> Finding:
    return Finding(
        kind="visibility",
        statement=statement,
        figure=figure,
        value=float(value),
        facts=facts,
        seed=seed,
        made_by="privacy.audits.visibility.table",
    )


def _told(leaks: Sequence[str], hides_updates: bool) -> str:
    if leaks:
        return f"What was to be hidden travelled in the clear: {'; '.join(leaks)}."
    if hides_updates:
        return "Nothing that the protection hides travelled in the clear."
    return "Without a protection nothing is hidden."


def _who_reads(seen: Iterable[Seen]) -> str:
    cells = [one for one in seen if one.quantity == _UPDATES]
    readers = [_named(one.role) for one in cells if one.readable]
    blind = [_named(one.role) for one in cells if one.how == "ciphertext"]
    why = next((f", {one.why}" for one in cells if one.how == "reads" and one.why), "")
    read = f"Single updates could be read by {_joined(readers)}{why}"
    sentence = read if readers else "Nobody could read single updates"
    return sentence + (f"; {_joined(blind)} had them as ciphertexts only." if blind else ".")


def _named(role: Role) -> str:
    return role if role == "other clients" else f"the {role}"


def _joined(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
