"""What the server knows of each client's ledger: what the client reports, as far as that can be, and else the worst."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from privacy import ledger
from privacy.ledger import Charge, Ledger
from privacy.protections.protocol import Reply


@dataclass(frozen=True)
class _Account:
    """Rows last believed, and all that was asked for since and may have been spent."""

    believed: Ledger = ()
    owed: Ledger = ()


@dataclass
class Accounts:
    """Ledgers by client, as `ledgers` has them.

    A client keeps its own ledger, and the server has only its word. It is believed where it differs from what was
    known by no more than was asked for, and by something where the client did what is not free. Whoever reports
    anything else, or nothing, is charged for all that was asked: its noise may be drawn.
    """

    ledgers: dict[int, Ledger] = field(default_factory=dict)
    _accounts: dict[int, _Account] = field(default_factory=dict)

    def restore(self, client: int, rows: Ledger, known: Ledger) -> None:
        """Begin with the rows a client's own memory holds; what was `known` beyond them is still taken for spent."""
        if rows or known:
            owed = _beyond(rows, known)
            self.ledgers[client] = ledger.add_all(rows, owed)
            self._accounts[client] = _Account(rows, owed)

    def settle(
        self, client: int, reply: Reply, charges: Sequence[Charge], attempts: int = 1, *, or_nothing: bool = False
    ) -> Ledger:
        """The ledger after a round that asked for `charges` in each of so many attempts; none without privacy.

        With `or_nothing` there was something to do that is free, so that an answer need not have cost anything.
        """
        if charges:
            asked = [replace(charge, steps=charge.steps * attempts) for charge in charges]
            self.ledgers[client] = self._settled(client, reply, asked, or_nothing)
        return self.ledgers.get(client, ())

    def _settled(self, client: int, reply: Reply, asked: Sequence[Charge], or_nothing: bool) -> Ledger:
        account = self._accounts.get(client, _Account())
        reported = _reported(reply)
        if reported is not None and not account.owed and reported == ledger.add_all(account.believed, asked):
            self._accounts[client] = _Account(reported)  # the ordinary case, and the quick one
            return reported
        most = ledger.add_all(account.owed, asked)
        taken = None if reported is None else _taken(account.believed, reported)
        costly = reply.fields.get("status") == "trained" and not or_nothing
        if reported is None or taken is None or not _within(taken, most) or (costly and not taken):
            self._accounts[client] = replace(account, owed=most)
            return ledger.add_all(account.believed, most)
        self._accounts[client] = _Account(reported)
        return reported


def _taken(before: Ledger, after: Ledger) -> Ledger | None:
    """What leads from the one ledger to the other; None where no charges do."""
    earlier = {replace(row, steps=1): row.steps for row in before}
    later = {replace(row, steps=1): row.steps for row in after}
    if len(later) < len(after) or any(later.get(row, 0) < steps for row, steps in earlier.items()):
        return None
    grown = {row: steps - earlier.get(row, 0) for row, steps in later.items()}
    return tuple(replace(row, steps=steps) for row, steps in grown.items() if steps)


def _beyond(rows: Ledger, known: Ledger) -> Ledger:
    """What the one ledger has more than the other, row by row."""
    held = {replace(row, steps=1): row.steps for row in rows}
    more = ((row, row.steps - held.get(replace(row, steps=1), 0)) for row in known)
    return tuple(replace(row, steps=steps) for row, steps in more if steps > 0)


def _within(taken: Ledger, most: Ledger) -> bool:
    """Whether nothing was taken that was not asked for, row by row."""
    limits = {replace(row, steps=1): row.steps for row in most}
    return all(row.steps <= limits.get(replace(row, steps=1), 0) for row in taken)


def _reported(reply: Reply) -> Ledger | None:
    """The rows a client reports, or None where a stranger wrote something that is no ledger."""
    text = reply.fields.get("ledger")
    try:
        return ledger.from_json(text) if isinstance(text, str) and len(text) <= _LONGEST_REPORT else None
    except ValueError:
        return None


_LONGEST_REPORT = 2**20
