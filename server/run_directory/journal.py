"""The journal: one JSON record a line, each bound to the one before by SHA-256, so that no edit goes unnoticed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.run_directory.files import write_through

Record = dict[str, Any]
GENESIS = "0" * 64

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)
"""The one text of a value, which hashes are of."""


@dataclass(frozen=True)
class Line:
    """A record bound to the one before it, as it is written: its `hash`, and all of it as `text` without a newline."""

    hash: str
    text: str

    @property
    def record(self) -> Record:
        """The record, `previous` and `hash` included."""
        found: Record = json.loads(self.text)
        return found


def link(previous: str, content: Mapping[str, object]) -> Line:
    """Bind a record to its predecessor: adds `previous` and `hash` (over everything else and `previous`)."""
    parts = _parts({**content, "previous": previous})
    digest = _digest(parts)
    return Line(digest, _object(parts | _parts({"hash": digest})))


def append(path: Path, line: Line) -> None:
    """Write one line and wait until it is on the disk."""
    write_through(path, line.text.encode() + b"\n", "ab")


def read(path: Path) -> list[Record]:
    """All records. Raises TornLine where a kill cut the last line, ValueError where any other line is broken."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    torn = lines.pop()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise ValueError(f"{path.name}:{number}: not a JSON record") from error
        if not isinstance(record, dict):
            raise ValueError(f"{path.name}:{number}: not a JSON object")
        records.append(record)
    if torn:
        raise TornLine(records)
    return records


def read_whole_lines(path: Path) -> list[Record]:
    """All records but a torn last one; none without a journal. Raises ValueError where any other line is broken."""
    try:
        return read(path) if path.exists() else []
    except TornLine as torn:
        return torn.records


def head(path: Path) -> str | None:
    """The hash of the last whole record, which stands for all before it; None where none can be read."""
    try:
        records = read_whole_lines(path)
    except (OSError, ValueError):
        return None
    return str(records[-1].get("hash")) if records else None


class TornLine(ValueError):
    """The last line was cut by a kill; `records` holds the whole ones before it."""

    def __init__(self, records: list[Record]) -> None:
        super().__init__("the last line is incomplete")
        self.records = records


def problems(records: list[Record]) -> list[str]:
    """What is wrong with a chain: each edited, deleted or reordered line, by number. Empty for an intact one."""
    found = []
    previous = GENESIS
    for number, record in enumerate(records, start=1):
        content = {key: value for key, value in record.items() if key != "hash"}
        if record.get("hash") != _digest(_parts(content)):
            found.append(f"line {number} was edited: its hash does not match its content")
        if record.get("previous") != previous:
            found.append(f"line {number} does not follow line {number - 1}: a line was deleted, added or moved")
        previous = str(record.get("hash"))
    return found


def lacks_its_end(records: list[Record], manifest: Mapping[str, object]) -> bool:
    """Whether the run's manifest names another head than the last line's hash.

    A run that is under way has no head there yet; one that failed or was stopped has, if it could still be written.
    """
    said, head = manifest.get("journal_head"), records[-1].get("hash") if records else None
    return head != said and (manifest.get("status") == "completed" or said is not None)


def _digest(parts: Mapping[str, str]) -> str:
    return hashlib.sha256(_object(parts).encode()).hexdigest()


def _parts(record: Mapping[str, object]) -> dict[str, str]:
    """A record's values as text: put into words once, whatever is made of them."""
    return {key: _CANONICAL.encode(value) for key, value in record.items()}


def _object(parts: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{_CANONICAL.encode(key)}:{parts[key]}" for key in sorted(parts)) + "}"
