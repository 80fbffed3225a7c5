"""A scenario's values, and how many there are of something, as a person writes and reads them."""

import json
from collections.abc import Mapping


def written(value: object) -> str:
    """A value as TOML, on one line, so that `key = ` before it gives the value back."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(str(key))} = {written(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        # What JSON escapes TOML escapes alike; DEL is the one character that only TOML does not take as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)


def shown(value: object) -> str:
    """A value in few words: a table as its kind and what else is said in it, a list as its items."""
    if isinstance(value, Mapping):
        return " ".join(shown(item) if key == "kind" else f"{key}={shown(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    return value if isinstance(value, str) else written(value)


def counted(count: int | str, noun: str) -> str:
    """1 and "round" as "1 round", anything else, as "2 to 5", as "2 to 5 rounds"."""
    return f"{count} {noun}" if str(count) == "1" else f"{count} {noun}s"


def _key(key: str) -> str:
    bare = key and all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in key)
    return key if bare else written(key)
