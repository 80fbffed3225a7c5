"""What a run directory says in two places must be the same in both: no figure is improved by editing one file."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from server.run_directory.files import finite
from server.run_directory.journal import Record
from server.run_directory.summary import journalled

_OF_SCENARIO = ("name", "question", "seed")
_OF_MANIFEST = ("scenario_sha256", "seed", "engine", "stamp")
_REPEATED = ("scenario_sha256", "data_sha256", "stamp", "guarantee", "protection")
_CLOSE = 1e-9

Values = Mapping[str, Any]


def repeated(manifest: Values) -> Record:
    """What a journal's first line repeats of the manifest: of which scenario and data the run is, and what it promises.

    The promises stand there in their own words, since those of a later version of the project may be others. The table
    of clients can be long: of it there is a hash.
    """
    clients = json.dumps(manifest.get("clients"), sort_keys=True).encode()
    return {name: manifest.get(name) for name in _REPEATED} | {"clients_sha256": hashlib.sha256(clients).hexdigest()}


def contradictions(manifest: Values, summary: Values, records: list[Record]) -> list[str]:
    """What is said otherwise: by manifest.json than by its scenario, by the other files than by these and the journal.

    What is not said contradicts nothing; the first lines of earlier journals say less. Epsilon and the final model take
    arithmetic: they are `verify`'s matter.
    """
    start: Values = records[0] if records else {}
    known: Values = repeated(manifest)
    figures: Values = finite(journalled(records, manifest))
    twice = (
        ("manifest.json", manifest, _OF_SCENARIO, manifest["scenario"], "its scenario"),
        ("journal.jsonl", start, known, known, "manifest.json"),
        ("summary.json", summary, _OF_MANIFEST, manifest, "manifest.json"),
        ("summary.json", summary, figures, figures, "the journal"),
    )
    return [
        f"{file}: {name} is not that of {other}"
        for file, said, names, source, other in twice
        for name in names
        if name in said and name in source and not _same(said[name], source[name])
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
