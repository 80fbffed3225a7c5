"""TOML text to values and the line of each key, safe for any text.

`tomllib` keeps no lines, takes seconds over one key of 20,000 parts and recurses once a bracket. A first pass
reads just enough of the grammar (keys, table headers, where a value ends) to note lines and to refuse what no
scenario needs; whether the text is TOML is left to `tomllib`.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]

_MAX_PARTS = 16
_MAX_KEYS = 5000
_MAX_ITEMS = 20_000
_MAX_DEPTH = 32
_MAX_DIGITS = 400

# No group is repeated possessively: Python before 3.11.5 matches such groups wrongly. Strings are unrolled instead, so
# that a part of one can be read in one way only and no text takes more than linear time.
_BLANK = re.compile(r"[ \t\r\n]*+(?:#[^\n]*+[ \t\r\n]*+)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_PART = re.compile(r"""[ \t]*+(?:([A-Za-z0-9_-]++)|("[^"\\\n]*+(?:\\.[^"\\\n]*+)*"|'[^'\n]*+'))[ \t]*+""")
_VALUE_TOKEN = re.compile(
    r'''"""[^"\\]*+(?:(?:\\.|"{1,2}(?!"))[^"\\]*+)*"{3,5}'''
    r"""|\'\'\'[^']*+(?:'{1,2}(?!')[^']*+)*'{3,5}"""
    r'''|"(?!"")[^"\\\n]*+(?:\\.[^"\\\n]*+)*"'''
    r"""|'(?!'')[^'\n]*+'"""
    r"""|\#[^\n]*+|[\[\]{},.=\n]|[^\[\]{},.=\n"'#]++""",
    re.DOTALL,
)
_WHERE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class NotToml(ValueError):
    """A text that is not TOML, or more of it than any scenario needs."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


@dataclass(frozen=True)
class Toml:
    """The values of a text and the line of each key; an array's tables have their index in the path."""

    values: dict[str, object]
    lines: Mapping[KeyPath, int]

    def line(self, path: KeyPath) -> int:
        """The line of a key, or of the nearest table around it that has one."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1


def parse(text: str) -> Toml:
    """Parse a text. Raises NotToml, with the line."""
    lines = _key_lines(text)
    try:
        return Toml(tomllib.loads(text), lines)
    except ValueError as error:
        where = _WHERE.search(str(error))
        reason = f"not valid TOML: {_plainly(_WHERE.sub('', str(error)))}"
        if where is None or where[1] is None:
            raise NotToml(text.rstrip("\n").count("\n") + 1, reason) from None
        raise NotToml(int(where[1]), f"{reason} at column {where[2]}") from None
    except RecursionError:
        raise NotToml(1, "tables or lists are nested too deeply") from None


def key_parts(text: str) -> KeyPath | None:
    """Split a dotted key, quoted parts included; None where it is no key."""
    parts, end = _key(text, 0)
    return parts if parts and end == len(text) and len(parts) <= _MAX_PARTS else None


def written(path: KeyPath) -> str:
    """A path as a person writes it, `event[0].clients`: parts in quotes where they need them, cut short."""
    text = ""
    for part in path[:_MAX_PARTS]:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = part if _BARE.fullmatch(part) else repr(part)
            text += ("." if text else "") + (shown if len(shown) <= 64 else f"{shown[:60]}...")
    return text


def _plainly(reason: str) -> str:
    if reason.startswith("Cannot overwrite"):
        return "this key has been given before"
    if reason.startswith("Cannot declare"):
        return "this table has been given before"
    return reason[:200]


def _key_lines(text: str) -> dict[KeyPath, int]:
    """Note the line of every key outside inline tables, up to where the text stops being TOML."""
    lines: dict[KeyPath, int] = {}
    tables: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, brackets, parts in _statements(text):
        if brackets == 2:
            array = (*_inside(tables, parts[:-1]), parts[-1])
            tables[array] = tables.get(array, -1) + 1
        if brackets:
            table = _inside(tables, parts)
        path = table if brackets else (*table, *parts)
        for length in range(1, len(path) + 1):
            lines.setdefault(path[:length], line)
    return lines


def _inside(tables: Mapping[KeyPath, int], parts: KeyPath) -> KeyPath:
    """The path with the index of its last table behind each array of tables."""
    path: KeyPath = ()
    for part in parts:
        path = (*path, part)
        if path in tables:
            path = (*path, tables[path])
    return path


def _statements(text: str) -> Iterator[tuple[int, int, KeyPath]]:
    """Each header and assignment: its line, how many brackets its header has (0: an assignment), its key."""
    text = text.replace("\r\n", "\n")
    position, counted, line, keys = 0, 0, 1, 0
    while True:
        position = _BLANK.match(text, position).end()  # type: ignore[union-attr]  # matches the empty string
        line, counted = line + text.count("\n", counted, position), position
        brackets = 2 if text.startswith("[[", position) else int(text.startswith("[", position))
        parts, position = _key(text, position + brackets)
        keys += 1
        if len(parts) > _MAX_PARTS:
            raise NotToml(line, f"a key of more than {_MAX_PARTS} parts")
        if keys > _MAX_KEYS:
            raise NotToml(line, f"more than {_MAX_KEYS} keys")
        if not parts or not text.startswith("]" * brackets or "=", position):
            return
        yield line, brackets, parts
        if brackets:
            position += brackets
        else:
            position, inner = _value_end(text, position + 1, line)
            keys += inner


def _key(text: str, position: int) -> tuple[KeyPath, int]:
    """A dotted key from `position`: its parts and where it ends. Stops early in a key of too many parts."""
    parts: list[str] = []
    while (match := _PART.match(text, position)) and len(parts) <= _MAX_PARTS:
        position = match.end()
        parts.append(match[1] or _unquoted(match[2]))
        if not text.startswith(".", position):
            return tuple(parts), position
        position += 1
    return tuple(parts) if len(parts) > _MAX_PARTS else (), position


def _unquoted(quoted: str) -> str:
    try:
        return str(tomllib.loads(f"key = {quoted}")["key"])
    except ValueError:
        return quoted[1:-1]


def _value_end(text: str, position: int, line: int) -> tuple[int, int]:
    """Where the value that begins after `=` ends, and how many keys its inline tables have."""
    depth, dots, keys, items, begin = 0, 0, 0, 0, position
    while match := _VALUE_TOKEN.match(text, position):
        token = match[0]
        if token == "\n" and depth == 0:
            break
        position = match.end()
        depth += (token in "[{") - (token in "]}") if len(token) == 1 else 0
        keys += token == "="
        items += token == ","
        dots = dots + 1 if token == "." else 0 if token in {",", "=", "{", "["} else dots
        digits = len(token.strip()) if token[0] not in "\"'#" else 0
        if depth > _MAX_DEPTH or dots > _MAX_PARTS:
            reason = "tables or lists are nested too deeply"
        elif keys > _MAX_KEYS:
            reason = f"more than {_MAX_KEYS} keys"
        elif items > _MAX_ITEMS:
            reason = f"a list of more than {_MAX_ITEMS} items"
        elif digits > _MAX_DIGITS:
            reason = f"a value of more than {_MAX_DIGITS} characters without quotes"
        else:
            continue
        raise NotToml(line + text.count("\n", begin, position), reason)
    return position, keys
