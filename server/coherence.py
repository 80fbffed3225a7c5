"""What a run directory says in two places must be the same in both: no figure is improved by editing one file."""

import math
from collections.abc import Mapping
from typing import Any

from server.directory import finite
from server.journal import Record
from server.summary import journalled

_OF_SCENARIO = ("name", "question", "seed")
_OF_MANIFEST = ("scenario_sha256", "seed", "engine", "stamp")
_CLOSE = 1e-9

Values = Mapping[str, Any]


def contradictions(manifest: Values, summary: Values, records: list[Record]) -> list[str]:
    """What is said otherwise: by manifest.json than by its scenario, by the other files than by these and the journal.

    What is not said contradicts nothing. Epsilon and the final model take arithmetic: they are `verify`'s matter.
    """
    start: Values = records[0] if records else {}
    figures: Values = finite(journalled(records, manifest))
    twice = (
        ("manifest.json", manifest, _OF_SCENARIO, manifest["scenario"], "its scenario"),
        ("journal.jsonl", start, ("scenario_sha256",), manifest, "manifest.json"),
        ("summary.json", summary, _OF_MANIFEST, manifest, "manifest.json"),
        ("summary.json", summary, figures, figures, "the journal"),
    )
    return [
        f"{file}: {name} is not that of {other}"
        for file, said, names, known, other in twice
        for name in names
        if name in said and name in known and not _same(said[name], known[name])
    ]


def left_out(manifest: Values, summary: Values, records: list[Record]) -> list[str]:
    """What the summary of a run that ended does not say, though the manifest or the journal does, or any run has it."""
    known = {name: manifest.get(name) for name in _OF_MANIFEST} | journalled(records, manifest)
    names = [name for name, value in known.items() if value is not None]
    return [f"summary.json: {name} is missing" for name in (*names, "wall_seconds") if name not in summary]


def _same(said: object, known: object) -> bool:
    """A sum may come out otherwise in its last digits on another machine."""
    if isinstance(said, float) and isinstance(known, int | float) and not isinstance(known, bool):
        return math.isclose(said, known, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return type(said) is type(known) and said == known
