"""`--set key=value`: single keys of a scenario file changed from the command line."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from privacy.errors import ScenarioError
from scenarios import refusals, shape
from scenarios.toml_lines import KeyPath, NotToml, key_parts, parse, written

Origins = dict[KeyPath, str]
"""What set which key, as a message names it."""


@dataclass(frozen=True)
class Setting:
    """A key, what it is to be, and what says so, as a message names it."""

    path: KeyPath
    value: object
    told: str


def apply(values: Mapping[str, object], overrides: Sequence[str]) -> tuple[dict[str, object], Origins]:
    """Change keys in order; returns the changed values and which override set which key.

    A value is TOML where it can be read as such, else a bare string. A dotted key makes the tables it needs.
    Changing a table's `kind` drops the keys that the new kind does not have, and `none` removes a key that
    may be absent, since TOML has no null. Raises ScenarioError for what cannot be set.
    """
    settings, problems = [], list[str]()
    for override in overrides:
        if not is_unicode(override):
            problems.append(refusals.line(_shown(override), (), "expected text in UTF-8"))
            continue
        key, separator, raw = override.partition("=")
        path = key_parts(key)
        if not separator or path is None:
            problems.append(refusals.line(_shown(override), (), "expected key=value with a dotted key"))
            continue
        settings.append(Setting(path, _value(raw), _shown(override)))
    changed, origins, refused = assign(values, settings)
    if problems or refused:
        raise ScenarioError([*problems, *refused])
    return changed, origins


def assign(
    values: Mapping[str, object], settings: Sequence[Setting], before: Mapping[KeyPath, str] | None = None
) -> tuple[dict[str, object], Origins, list[str]]:
    """Change keys in order, after what has set some `before`; returns also why some could not be set, a line each."""
    changed, origins, problems = copy.deepcopy(dict(values)), dict(before or {}), list[str]()
    for setting in settings:
        refusal = _set(changed, setting.path, setting.value)
        if refusal is not None:
            problems.append(refusals.line(setting.told, setting.path, refusal))
        origins = {known: told for known, told in origins.items() if known[: len(setting.path)] != setting.path}
        origins[setting.path] = setting.told
    return changed, origins, problems


def is_unicode(text: str) -> bool:
    """Whether a text has only characters; of bytes that are no UTF-8 the system makes what nothing can write down."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def origin(path: KeyPath, origins: Mapping[KeyPath, str]) -> str | None:
    """What a problem with a key is due to, as it is shown; None where it is the file's own."""
    above = [known for known in origins if path[: len(known)] == known]
    below = [known for known in origins if known[: len(path)] == path]
    kind = [known for known in origins if known == (*path[:-1], "kind")]
    due = above or below or kind
    return origins[due[-1]] if due else None


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
