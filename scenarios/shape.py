"""What the format expects at each place of a scenario file, in words: read off the schema, so never stale."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scenarios.schema import Scenario
from scenarios.toml_lines import KeyPath

SWEEP = "sweep"
"""The table that makes a file many scenarios; no part of any of them; `scenarios.grid` reads it."""


@dataclass(frozen=True)
class Place:
    """One place of the file: `node` is its JSON schema, `definitions` what `$ref` points to."""

    node: Mapping[str, Any]
    definitions: Mapping[str, Any]

    @property
    def kinds(self) -> dict[str, "Place"]:
        """The kinds of table that may stand here, by name; empty where a table has no kind."""
        mapping = self.node.get("discriminator", {}).get("mapping")
        if mapping is not None:
            return {kind: self._at({"$ref": reference}) for kind, reference in mapping.items()}
        kind = self.node.get("properties", {}).get("kind", {}).get("const")
        return {} if kind is None else {kind: self}

    @property
    def keys(self) -> dict[str, "Place"]:
        """The keys of a table whose kind is settled; empty for anything else."""
        return {key: self._at(node) for key, node in self.node.get("properties", {}).items()}

    @property
    def items(self) -> "Place":
        """What each item of a list must be; a list of a given length (a tuple) has items that are alike."""
        first, *_ = self.node.get("prefixItems") or [self.node.get("items", {})]
        return self._at(first)

    @property
    def optional(self) -> bool:
        """Whether the key may be absent without a default standing in for it."""
        return {"type": "null"} in self.node.get("nullable", [])

    @property
    def expected(self) -> str:
        """What must stand here, in words; empty where the schema is of a form not met so far."""
        kind = self.node.get("type")
        if self.node.get("discriminator") or kind == "object":
            return f"a table with a kind ({listed(self.kinds)})" if self.kinds else "a table"
        if "const" in self.node or "enum" in self.node:
            choices = self.node.get("enum", [self.node.get("const")])
            return " or ".join(repr(choice) for choice in choices)
        if kind in {"integer", "number"}:
            return _number(self.node)
        if kind == "string":
            return f"text: {self.node['description']}" if "description" in self.node else "text in quotes"
        if kind == "array":
            return _list(self.node.get("minItems"), self.node.get("maxItems"), self.items.expected)
        if kind is None:
            return " or ".join(self._at(option).expected for option in self.node.get("anyOf", []))
        return "true or false" if kind == "boolean" else ""

    def settled(self, value: object) -> "Place":
        """The place of a table once its kind is known from what stands there."""
        kind = value.get("kind") if isinstance(value, dict) else value
        return self.kinds.get(kind, self) if isinstance(kind, str) else self

    def _at(self, node: Mapping[str, Any]) -> "Place":
        node, nullable = dict(node), list(node.get("anyOf", []))
        if {"type": "null"} in nullable and len(nullable) == 2:
            node |= next(option for option in nullable if option != {"type": "null"})
            node["nullable"] = nullable
        if "$ref" in node:
            node |= self.definitions[node["$ref"].rpartition("/")[2]]
        return Place(node, self.definitions)


@functools.cache
def root() -> Place:
    """The whole file: a scenario, and the table of what is varied of it."""
    schema = Scenario.model_json_schema()
    schema["properties"][SWEEP] = {"type": "object"}
    return Place(schema, schema["$defs"])


def at(path: KeyPath, values: object) -> Place | None:
    """The place of a key in a file with these values (they settle the kinds); None for an unknown key."""
    place: Place | None = root()
    for part in path:
        if place is None:
            return None
        settled = place.settled(values)
        place = settled.items if isinstance(part, int) else settled.keys.get(part)
        values = _below(values, part)
    return place


def without_tags(location: tuple[int | str, ...]) -> KeyPath:
    """A key's path from pydantic's location, which names the kind after each table that has one."""
    return tuple(_untagged(location))


def listed(choices: Mapping[str, object]) -> str:
    """The choices as a message lists them."""
    return ", ".join(choices)


def _untagged(location: tuple[int | str, ...]) -> Iterator[int | str]:
    place: Place | None = root()
    for part in location:
        if place is not None and "discriminator" in place.node and part in place.kinds:
            place = place.kinds[str(part)]
            continue
        yield part
        if place is not None:
            place = place.items if isinstance(part, int) else place.keys.get(part)


def _below(values: object, part: int | str) -> object:
    if isinstance(values, dict):
        return values.get(part)
    return values[part] if isinstance(values, list) and isinstance(part, int) and part < len(values) else None


def _list(least: int | None, most: int | None, item: str) -> str:
    bounds = [f"{word} {bound}" for word, bound in (("at least", least), ("at most", most)) if bound is not None]
    size = f" of {' and '.join(bounds)}" if bounds else ""
    return f"a list{size}, each item {item}" if item else f"a list{size}"


def _number(node: Mapping[str, Any]) -> str:
    if node["type"] == "integer":
        low = node.get("minimum", node["exclusiveMinimum"] + 1 if "exclusiveMinimum" in node else None)
        high = node.get("maximum", node["exclusiveMaximum"] - 1 if "exclusiveMaximum" in node else None)
        if low is not None and high is not None:
            return f"a whole number from {low} to {high}"
    bounds = {
        "minimum": "of at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    words = [f"{word} {node[bound]}" for bound, word in bounds.items() if bound in node]
    name = "a whole number" if node["type"] == "integer" else "a number"
    return " ".join([name, " and ".join(words)]).strip()
