"""Reading the tables that come with the project: a line that names the columns, then one line a record."""

import json
from dataclasses import dataclass
from importlib import resources

Cell = float | None


@dataclass(frozen=True)
class Table:
    """Each column's cells by name; `levels` names the values of the columns whose cells are choices."""

    cells: dict[str, list[Cell]]
    levels: dict[str, list[str]]


def read_packaged(name: str) -> Table:
    """The table in `name`, a .jsonl file beside this module."""
    text = (resources.files("scenarios.datasets") / name).read_text(encoding="utf-8")
    first, *rest = text.splitlines()
    header = json.loads(first)
    columns = zip(*map(json.loads, rest), strict=True)
    return Table(
        {name: list(column) for name, column in zip(header["columns"], columns, strict=True)}, header["levels"]
    )
