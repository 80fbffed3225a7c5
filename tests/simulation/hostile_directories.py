"""Run directories written to do harm, or holding values of every wrong kind."""

import math
from pathlib import Path

import numpy as np
from run_directories import DIGITS, HOSTILE, rewrite, write_run

ODD = {
    "null": None,
    "true": True,
    "false": False,
    "negative": -1,
    "large": 1.7e308,
    "larger than a float": 10**400,
    "infinite": math.inf,
    "minus infinity": -math.inf,
    "not a number": math.nan,
    "text": HOSTILE,
    "lone surrogate": "\ud800",
    "controls": "a\x00b\x1b[31m\u202e\u2028",
    "long": "x" * 5000,
    "list": [],
    "nested list": [[[]], {}],
    "object": {},
    "nested object": {"a": {"b": [1]}},
}


def hostile_run(directory: Path) -> Path:
    """A run in which everything that a person or a client may name is markup and template syntax."""
    write_run(directory, clients=4, rounds=4, classes=[HOSTILE, *DIGITS], names=HOSTILE + " {}", reason=HOSTILE)
    rewrite(directory, "manifest.json", _spoil_manifest)
    rewrite(directory, "journal.jsonl", _spoil_line)
    rewrite(
        directory,
        "summary.json",
        lambda summary: summary.update(status="failed", findings=[HOSTILE, {HOSTILE: HOSTILE}]),
    )
    return directory


def replaced(value: object, odd: list[object], chance: float, rng: np.random.Generator) -> object:
    """A JSON value in which each leaf, and each object and list, has the chance to become one of the odd ones."""
    if rng.random() < chance and not (isinstance(value, str) and value in ("round", "completed")):
        return odd[int(rng.integers(len(odd)))]
    if isinstance(value, dict):
        return {key: replaced(item, odd, chance, rng) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, odd, chance, rng) for item in value]
    return value


def leaves_replaced(value: object, odd: object) -> object:
    """A JSON value in which every leaf is the odd one; a journal's line stays a round."""
    if isinstance(value, dict):
        return {key: item if key == "kind" else leaves_replaced(item, odd) for key, item in value.items()}
    if isinstance(value, list):
        return [leaves_replaced(item, odd) for item in value]
    return odd


def replace(document: dict[str, object], other: dict[str, object]) -> None:
    """Give a document the content of another."""
    document.clear()
    document.update(other)


def spoil_timeline(manifest: dict[str, object]) -> None:
    """Make markup and template syntax of all that names something in the manifest of a run with a timeline."""
    manifest["experiences"] = [HOSTILE] * len(manifest["experiences"])
    manifest["scenario"]["stream"].update(kind=HOSTILE, label_space=HOSTILE)
    manifest["scenario"]["learner"]["kind"] = HOSTILE
    for client in manifest["clients"].values():
        client["name"] = HOSTILE
        client["segments"] = {HOSTILE: {"experience": 1}}
    manifest["scenario"]["event"] += [
        {"kind": HOSTILE, "at": 2, "clients": [HOSTILE], "until": HOSTILE},
        {"kind": "unlearn", "at": 5, "clients": [1, HOSTILE], "method": HOSTILE, "segments": [HOSTILE]},
    ]


def _spoil_manifest(manifest: dict[str, object]) -> None:
    manifest.update(
        name=HOSTILE,
        question=HOSTILE,
        status="failed",
        reason=HOSTILE,
        stamp=HOSTILE,
        overrides=[HOSTILE],
        versions={HOSTILE: HOSTILE},
        engine=HOSTILE,
        started=HOSTILE,
        scenario_text=HOSTILE,
    )
    manifest["scenario"].update(name=HOSTILE, question=HOSTILE)
    manifest["scenario"]["event"].append({"kind": HOSTILE, "at": 2, "clients": [HOSTILE], HOSTILE: HOSTILE})
    manifest["guarantee"].update(dict.fromkeys(manifest["guarantee"], HOSTILE), assumptions=[HOSTILE])
    manifest["protection"].update(kind=HOSTILE, trust=HOSTILE)
    manifest["dataset"].update(source=HOSTILE, licence=HOSTILE)


def _spoil_line(line: dict[str, object]) -> None:
    if line["kind"] == "round":
        line["seen"]["metadata"] = [HOSTILE]
        line["reports"]["0"].update(status="rejected", reason=HOSTILE)
        line["reports"]["1"].update(status="failed", reason=HOSTILE)
        line["reports"][HOSTILE] = {"status": HOSTILE, "reason": HOSTILE}
        line["epsilon"][HOSTILE] = 1.0
