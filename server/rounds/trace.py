"""The trace of a run's messages: what travelled to whom, in which form, counted and never kept.

The form is told from the values as they pass, so a protection that sent the wrong thing would be seen here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from flwr.app import Array

from privacy.forms import Form, form_of
from server.run_directory import foreign
from server.run_directory.journal import Record

To = Literal["clients", "server", "nobody"]
"""Whom a message reached; "nobody" is one that was lost on its way to the server."""

_MOST_KINDS = 200
_OTHER = "others"


class Item(NamedTuple):
    """One value of a message: where it stands, its form, and its size in bytes."""

    name: str
    form: Form
    size: int


@dataclass
class _Count:
    """How often something travelled, how many bytes that came to, and between the server and which clients."""

    messages: int = 0
    bytes: int = 0
    clients: set[int] = field(default_factory=set)


@dataclass
class Trace:
    """Counts what travels, by direction, phase, name and form. No more than 200 kinds: the rest count as one."""

    _counts: dict[tuple[To, str, str, Form], _Count] = field(default_factory=dict)

    def note(self, to: To, phase: str, client: int, items: Iterable[Item]) -> None:
        """Count the values of one message."""
        for name, form, size in items:
            count = self._counts.get((to, phase, name, form)) or self._new(to, phase, name, form)
            count.messages += 1
            count.bytes += size
            count.clients.add(client)

    def lines(self) -> list[Record]:
        """For the journal: one line a kind; `client` is the only one there was, or null for several."""
        return [
            {
                "to": to,
                "phase": phase,
                "name": name,
                "form": form,
                "messages": count.messages,
                "bytes": count.bytes,
                "client": next(iter(count.clients)) if len(count.clients) == 1 else None,
            }
            for (to, phase, name, form), count in sorted(self._counts.items())
        ]

    def _new(self, to: To, phase: str, name: str, form: Form) -> _Count:
        spelt = foreign.name(name)
        if len(self._counts) >= _MOST_KINDS:
            spelt = _OTHER
        return self._counts.setdefault((to, phase, spelt, form), _Count())


def items_of(content: Mapping[str, Mapping[str, object]]) -> Iterator[Item]:
    """Every value of a message, a `RecordDict` or like one, whatever its kind of record. Names are "record.key"."""
    for record_name, record in content.items():
        for name, value in record.items():
            if isinstance(value, Array):
                yield Item(f"{record_name}.{name}", "clear", len(value.data))
            else:
                yield Item(f"{record_name}.{name}", form_of(value), _size(value))


def _size(value: object) -> int:
    """Eight bytes for a number, and for a list of them: what is wide travels as bytes."""
    return len(value) if isinstance(value, bytes | str) else 8
