"""The colours of the charts: CSS variables on the page, which follow light, dark and print; fixed ones in a picture."""

from dataclasses import dataclass

_MIDDLE = "#853a7d"
"""Between the fixed first and second: what lies straight between them is brown."""


@dataclass(frozen=True)
class Palette:
    """Colours by role. Two series also differ by dash and shape, so that none is told by colour alone."""

    ground: str
    paper: str
    ink: str
    muted: str
    grid: str
    first: str
    second: str
    faint: str
    font: str

    def ramp(self, count: int) -> list[str]:
        """Colours for things that come in an order: from the first to the second."""
        return [self._mixed(place / max(1, count - 1)) for place in range(count)]

    def _mixed(self, share: float) -> str:
        if not self.first.startswith("#"):
            # Variables have their values in the reader's browser, so it is the browser that mixes them.
            return f"color-mix(in oklch, {self.second} {share:.0%}, {self.first})"
        near, far, share = (self.first, _MIDDLE, 2 * share) if share < 0.5 else (_MIDDLE, self.second, 2 * share - 1)
        ends = [[int(colour[place : place + 2], 16) for place in (1, 3, 5)] for colour in (near, far)]
        return "#" + "".join(f"{round(a + share * (b - a)):02x}" for a, b in zip(*ends, strict=True))


PAGE = Palette(
    ground="transparent",
    paper="var(--paper)",
    ink="var(--ink)",
    muted="var(--muted)",
    grid="var(--rule)",
    first="var(--first)",
    second="var(--second)",
    faint="var(--faint)",
    font="system-ui, sans-serif",
)

PICTURE = Palette(
    ground="#ffffff",
    paper="#ffffff",
    ink="#1b1f24",
    muted="#57606b",
    grid="#e2dfd8",
    first="#1f5f99",
    second="#b93c0a",
    faint="#a9b6c4",
    font="Liberation Sans, DejaVu Sans, sans-serif",
)
