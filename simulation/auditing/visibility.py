"""The visibility audit of a run: the table of who saw what, and whether anything travelled that was to be hidden."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from privacy.audits import visibility
from privacy.audits.visibility import Role, Seen
from privacy.findings import Finding
from privacy.guarantees import DpSgd
from simulation.auditing.subject import Subject

_LIMITS = (
    "Told from the trace of messages alone: what roles know from elsewhere or tell each other is not in it. The "
    "network is whoever listens where the transport does not encrypt, as here."
)


def findings(subject: Subject) -> list[Finding]:
    """One finding: the table, and each leak. Raises ValueError where the run's messages were not traced."""
    scenario, protection = subject.scenario, subject.scenario.protection
    if not any(subject.messages):
        raise ValueError("the run's journal holds no trace of its messages: it was made by an earlier version")
    noised = isinstance(scenario.privacy, DpSgd)
    seen = visibility.table(subject.messages, protection.carries(), noised)
    leaks = visibility.leaks(subject.messages, protection.carries(), protection.hides_updates)
    return [
        Finding(
            kind="visibility",
            statement=" ".join((_told(leaks, protection.hides_updates), _who_reads(seen, "single updates"), _LIMITS)),
            figure="leaks",
            value=float(len(leaks)),
            low=None,
            high=None,
            confidence=None,
            facts={
                "protection": protection.kind,
                "leaks": list(leaks),
                "table": [asdict(one) for one in seen],
                "messages": sum(one.messages for line in subject.messages for one in line),
            },
            seed=scenario.seed,
            made_by="privacy.audits.visibility.table",
            contradiction=bool(leaks),
        )
    ]


def _told(leaks: Sequence[str], hides_updates: bool) -> str:
    if leaks:
        return f"What was to be hidden travelled in the clear: {'; '.join(leaks)}."
    if hides_updates:
        return "Nothing that the protection hides travelled in the clear."
    return "Without a protection nothing is hidden."


def _who_reads(seen: Iterable[Seen], quantity: str) -> str:
    cells = [one for one in seen if one.quantity == quantity]
    readers = [_named(one.role) for one in cells if one.how not in ("ciphertext", "nothing")]
    blind = [_named(one.role) for one in cells if one.how == "ciphertext"]
    why = next((f", {one.why}" for one in cells if one.how == "reads" and one.why), "")
    read = f"{quantity.capitalize()} could be read by {_joined(readers)}{why}"
    sentence = read if readers else f"Nobody could read {quantity}"
    return sentence + (f"; {_joined(blind)} had them as ciphertexts only." if blind else ".")


def _named(role: Role) -> str:
    return role if role == "other clients" else f"the {role}"


def _joined(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
