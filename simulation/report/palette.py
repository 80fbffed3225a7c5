"""The colours of the charts: CSS variables on the page, which follow light, dark and print; fixed ones in a picture."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Palette:
    """Colours by role. Two series also differ by dash and shape, so that none is told by colour alone."""

    ground: str
    ink: str
    muted: str
    grid: str
    first: str
    second: str
    faint: str
    font: str


PAGE = Palette(
    ground="transparent",
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
    ink="#1b1f24",
    muted="#57606b",
    grid="#e2dfd8",
    first="#1f5f99",
    second="#b93c0a",
    faint="#a9b6c4",
    font="Liberation Sans, DejaVu Sans, sans-serif",
)
