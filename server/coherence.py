"""What a run directory says in two places must be the same in both: no figure is improved by editing one file."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

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
    scenario: Values = {name: manifest["scenario"][name] for name in _OF_SCENARIO if name in manifest["scenario"]}
    stated = {name: manifest[name] for name in _OF_MANIFEST if name in manifest}
    agreed = {"scenario_sha256": manifest["scenario_sha256"]}
    found = [f"manifest.json: {one} its scenario" for one in _otherwise(manifest, scenario)]
    found += [f"journal.jsonl: {one} manifest.json" for one in _otherwise(start, agreed)]
    found += [f"summary.json: {one} manifest.json" for one in _otherwise(summary, stated)]
    return found + [f"summary.json: {one} the journal" for one in _otherwise(summary, journalled(records, manifest))]


def _otherwise(said: Values, known: Values) -> Iterator[str]:
    for name, value in known.items():
        if name in said and not _same(said[name], value):
            yield f"{name} is not that of"


def _same(said: object, known: object) -> bool:
    """A sum may come out otherwise in its last digits on another machine."""
    if isinstance(said, float) and isinstance(known, int | float) and not isinstance(known, bool):
        return math.isclose(said, known, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return type(said) is type(known) and said == known
