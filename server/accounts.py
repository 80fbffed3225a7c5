"""What the server knows of each client's ledger: what the client reports, as far as that can be, and else the worst."""

from dataclasses import dataclass, field, replace

from privacy import ledger
from privacy.ledger import Charge, Ledger
from privacy.protections.protocol import Reply


@dataclass(frozen=True)
class _Account:
    """Rows last believed, and the most steps that may have been taken since."""

    believed: Ledger = ()
    owed: int = 0


@dataclass
class Accounts:
    """Ledgers by client, as `ledgers` has them.

    A client keeps its own ledger, and the server has only its word. It is believed where it differs from what was
    known by no more steps than were asked for, and by at least one where the client trained. Whoever reports anything
    else, or nothing, is charged for all that was asked: its noise may be drawn.
    """

    ledgers: dict[int, Ledger] = field(default_factory=dict)
    _accounts: dict[int, _Account] = field(default_factory=dict)

    def restore(self, client: int, rows: Ledger) -> None:
        """Begin with the rows a client's own memory holds."""
        self.ledgers[client] = rows
        self._accounts[client] = _Account(rows)

    def settle(self, client: int, reply: Reply, charge: Charge | None, attempts: int = 1) -> Ledger:
        """The ledger after a round that asked for `charge` in each of so many attempts; None without privacy."""
        if charge is not None:
            self.ledgers[client] = self._settled(client, reply, charge, attempts)
        return self.ledgers.get(client, ())

    def _settled(self, client: int, reply: Reply, charge: Charge, attempts: int) -> Ledger:
        account = self._accounts.get(client, _Account())
        reported, most = _reported(reply), account.owed + attempts * charge.steps
        taken = None if reported is None else _taken(account.believed, reported, charge)
        least = 1 if reply.fields.get("status") == "trained" else 0
        if reported is None or taken is None or not least <= taken <= most:
            self._accounts[client] = replace(account, owed=most)
            return ledger.add(account.believed, replace(charge, steps=most))
        self._accounts[client] = _Account(reported)
        return reported


def _taken(before: Ledger, after: Ledger, charge: Charge) -> int | None:
    """How many steps of `charge` lead from the one ledger to the other; None where nothing else would do."""
    taken = _steps(after, charge) - _steps(before, charge)
    expected = before if taken <= 0 else ledger.add(before, replace(charge, steps=taken))
    return taken if set(expected) == set(after) and len(expected) == len(after) else None


def _steps(rows: Ledger, charge: Charge) -> int:
    return sum(row.steps for row in rows if replace(row, steps=charge.steps) == charge)


def _reported(reply: Reply) -> Ledger | None:
    """The rows a client reports, or None where a stranger wrote something that is no ledger."""
    text = reply.fields.get("ledger")
    try:
        return ledger.from_json(text) if isinstance(text, str) and len(text) <= _LONGEST_REPORT else None
    except ValueError:
        return None


_LONGEST_REPORT = 2**20
