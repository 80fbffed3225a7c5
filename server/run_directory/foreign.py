"""Words that somebody else wrote, a client or whoever edited a file, fit for a journal and a terminal."""

_LONGEST_NAME = 60


def line(words: object, longest: int, otherwise: str) -> str:
    """One line of at most so many characters, all of which can be shown; `otherwise` where there are no words."""
    return _printable(" ".join(str(words or "")[: 2 * longest].split())[:longest]) or otherwise


def name(words: str) -> str:
    """At most 60 characters, each of which can be shown."""
    return _printable(words[:_LONGEST_NAME])


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
