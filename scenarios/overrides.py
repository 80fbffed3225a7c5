"""`--set key=value`: single keys of a scenario file changed from the command line."""

import copy
from collections.abc import Mapping, Sequence

from privacy.errors import ScenarioError
from scenarios import refusals, shape
from scenarios.toml_lines import KeyPath, NotToml, key_parts, parse, written


def apply(values: Mapping[str, object], overrides: Sequence[str]) -> tuple[dict[str, object], dict[KeyPath, str]]:
    """Change keys in order; returns the changed values and which override set which key.

    A value is TOML where it can be read as such, else a bare string. A dotted key makes the tables it needs.
    Changing a table's `kind` drops the keys that the new kind does not have, and `none` removes a key that
    may be absent, since TOML has no null. Raises ScenarioError for what cannot be set.
    """
    changed, origins, problems = copy.deepcopy(dict(values)), dict[KeyPath, str](), list[str]()
    for override in overrides:
        key, separator, raw = override.partition("=")
        path = key_parts(key)
        if not separator or path is None:
            problems.append(refusals.line(_shown(override), (), "expected key=value with a dotted key"))
            continue
        refusal = _set(changed, path, _value(raw))
        if refusal is not None:
            problems.append(refusals.line(_shown(override), path, refusal))
        origins = {known: text for known, text in origins.items() if known[: len(path)] != path}
        origins[path] = override
    if problems:
        raise ScenarioError(problems)
    return changed, origins


def origin(path: KeyPath, origins: Mapping[KeyPath, str]) -> str | None:
    """The override that a problem with a key is due to, as it is shown; None where it is the file's own."""
    above = [known for known in origins if path[: len(known)] == known]
    below = [known for known in origins if known[: len(path)] == path]
    kind = [known for known in origins if known == (*path[:-1], "kind")]
    due = above or below or kind
    return _shown(origins[due[-1]]) if due else None


def _set(values: dict[str, object], path: KeyPath, value: object) -> str | None:
    """Set one key in place; returns why that is impossible, if it is."""
    table = values
    for length, part in enumerate(path[:-1], start=1):
        below = table.setdefault(str(part), {})
        place = shape.at(path[:length], values)
        if isinstance(below, str) and place is not None and place.kinds:
            below = table[str(part)] = {"kind": below}
        if not isinstance(below, dict):
            return f"{written(path[:length])} is {refusals.got(below)}, not a table: nothing below it can be set"
        table = below
    key, place = str(path[-1]), shape.at(path, values)
    if value == "none" and place is not None and place.optional and "none" not in place.kinds:
        table.pop(key, None)
        return None
    if key == "kind":
        parent = shape.at(path[:-1], values)
        if parent is not None and isinstance(value, str) and value in parent.kinds:
            for other in table.keys() - parent.kinds[value].keys:
                del table[other]
    table[key] = value
    return None


def _value(raw: str) -> object:
    try:
        values = parse(f"value = {raw}").values
    except NotToml:
        return raw
    # A line break in `raw` could smuggle in more keys.
    return values["value"] if set(values) == {"value"} else raw


def _shown(override: str) -> str:
    text = override if override.isprintable() else repr(override)[1:-1]
    return f"--set {text if len(text) <= 80 else f'{text[:77]}...'}"
