"""A report read as a reader's browser would parse it, without one."""

import json
from html.parser import HTMLParser
from pathlib import Path

LOADING = {"src", "srcset", "action", "formaction", "data", "poster", "background", "ping", "manifest", "xlink:href"}
"""Attributes by which an element fetches something; `href` is looked at on its own."""

_VOID = {"meta", "link", "img", "br", "hr", "input", "base"}


class Page(HTMLParser):
    """What stands in a page: its elements with their attributes, its readable text, its scripts and its styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self._words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """The readable text, its white space made single spaces."""
        return " ".join(" ".join(self._words).split())

    @property
    def charts(self) -> dict[str, dict[str, object]]:
        """The specifications of the charts by the id of the element that they are drawn in."""
        return json.loads(self.scripts[0])

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]

    def rows(self, chart: str, name: str = "rows") -> list[dict[str, object]]:
        """The rows that a chart draws."""
        return self.charts[chart]["datasets"][name]

    def policy(self) -> dict[str, list[str]]:
        """The directives of the page's Content-Security-Policy."""
        [content] = [
            meta["content"]
            for meta in self.attributes("meta")
            if meta.get("http-equiv") == "Content-Security-Policy" and meta["content"]
        ]
        return {words[0]: words[1:] for part in content.split(";") if (words := part.split())}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)
        if tag in ("script", "style"):
            (self.scripts if tag == "script" else self.styles).append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        match self._open[-1] if self._open else "":
            case "script":
                self.scripts[-1] += data
            case "style":
                self.styles[-1] += data
            case _:
                self._words.append(data)


def read_page(path: Path) -> Page:
    """Parse a report."""
    return Page(path.read_text(encoding="utf-8"))
