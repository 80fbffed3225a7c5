"""Who saw what, from the trace of messages in a run's journal, whoever wrote it."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import TypeAdapter, ValidationError

from privacy.audits.visibility import Passed, Role, Seen, Sight, noise_told, passed_of, roles, table
from privacy.protections import ProtectionParameters
from privacy.protections.protocol import Quantity
from simulation.report.files.fields import Fields
from simulation.report.files.run import Run
from simulation.report.sections.tables import Table

_SIGNS: Mapping[Sight, str] = {
    "reads": "● reads",
    "holds": "● holds",
    "decrypts": "● decrypts",
    "works out": "◐ works out",
    "ciphertext": "○ ciphertext only",
    "nothing": "–",
}


_MOST_ROWS, _LONGEST = 100, 80
_TOLD_ANYWAY: tuple[Quantity, ...] = ("single updates", "sum of updates", "losses", "label sets", "secret key")
"""That nobody saw them is worth a row, too."""


def who_saw_what(run: Run) -> Table | None:
    """A row for each quantity that anybody saw and for those that matter most, a column for each role.

    None where the run's messages were not traced.
    """
    rounds = [list(_passed(line)) for line in run.messages]
    if not any(rounds):
        return None
    privacy = run.scenario.inner("privacy")
    noise = noise_told(privacy.text("kind") == "dp-sgd", privacy.text("noise_source") == "system")
    added = [sum(report.added for report in one.reports.values()) for one in run.rounds]
    present, cells = roles(rounds), table(rounds, _carries(run.scenario.inner("protection")), noise, added)
    rows = [cells[begin : begin + len(present)] for begin in range(0, len(cells), len(present))]
    shown = [row for row in rows if row[0].quantity in _TOLD_ANYWAY or any(one.how != "nothing" for one in row)]
    return Table("Who saw what", ("Quantity", *map(_title, present)), tuple(map(_row, shown[:_MOST_ROWS])))


def _row(cells: Sequence[Seen]) -> tuple[str, ...]:
    return (cells[0].quantity.capitalize()[:_LONGEST], *(_cell(one) for one in cells))


def _cell(seen: Seen) -> str:
    return _SIGNS[seen.how] + (f": {seen.why}" if seen.why else "")


def _title(role: Role) -> str:
    return role.capitalize()


def _passed(line: Sequence[Fields]) -> Iterator[Passed]:
    for one in line:
        try:
            yield passed_of(one.values)
        except ValueError:
            continue


def _carries(protection: Fields) -> Mapping[str, Quantity]:
    try:
        known = TypeAdapter[ProtectionParameters](ProtectionParameters).validate_python(protection.values)
    except ValidationError:
        return {}
    return known.carries()
