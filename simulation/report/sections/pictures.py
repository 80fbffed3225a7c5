"""What an audit rebuilt of clients' pictures, each beside the true one."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from simulation.report.drawings.drawing import Drawing, Row
from simulation.report.drawings.palette import PAGE, Palette
from simulation.report.files.fields import Fields
from simulation.report.files.run import Run
from simulation.report.sections.exhibits import Exhibit, exhibit

_MOST_FINDINGS = 4
_MOST_CELLS = 16_000
"""A page draws no more pixels than so many: eight pairs of 28 x 28, and room for a bit more."""

_LARGEST_SIDE = 64
_LONGEST_NAME = 40
_SIDE = 96

Levels = tuple[tuple[int, ...], ...]
"""Rows of grey levels from 0 to 255, all as long."""


@dataclass(frozen=True)
class Pair:
    """A client's picture and what was rebuilt of it, of one shape, and how like it is in words."""

    whose: str
    label: str
    likeness: str
    true: Levels
    rebuilt: Levels


def rebuilt(run: Run) -> tuple[Exhibit, ...]:
    """The pictures of each finding that has any."""
    found = [(finding, _pairs(finding)) for finding in run.summary.inners("findings")]
    shown = [(finding, pairs) for finding, pairs in found if pairs][:_MOST_FINDINGS]
    return tuple(_exhibit(f"pictures-{number}", *one) for number, one in enumerate(shown, start=1))


def _exhibit(key: str, finding: Fields, pairs: Sequence[Pair]) -> Exhibit:
    what = finding.inner("facts").text("inverted")[:_LONGEST_NAME] or "what the server saw"
    each = "; ".join(f"{pair.whose}, {pair.label}: {pair.likeness}" for pair in pairs)
    caption = (
        "Above what clients held, below what was rebuilt without it; the darker, the larger the value. 20 dB and more "
        f"can be recognised, 100 dB is exact; SSIM is 1 for the same picture and about 0 for no likeness. {each}."
    )
    return exhibit(key, f"Pictures rebuilt from {what}", caption, _drawing(pairs, PAGE), wide=True)


def _pairs(finding: Fields) -> tuple[Pair, ...]:
    """The pictures of a finding that can be drawn, as many as a page takes, all of the first one's shape."""
    pairs: list[Pair] = []
    for number, picture in enumerate(finding.inner("facts").inners("pictures"), start=1):
        true, own, psnr = _levels(picture, "true"), _levels(picture, "rebuilt"), picture.finite("psnr")
        if not true or not own or psnr is None:
            continue
        like = pairs[0].true if pairs else true
        cells = 2 * len(like) * len(like[0])
        if any(_shape(one) != _shape(like) for one in (true, own)) or (len(pairs) + 1) * cells > _MOST_CELLS:
            continue
        ssim = picture.finite("ssim")
        pairs.append(
            Pair(
                whose=f"{number}. {picture.text('of')[:_LONGEST_NAME]}",
                label=f"label {picture.text('label')[:_LONGEST_NAME]}",
                likeness=f"{psnr:.1f} dB{'' if ssim is None else f', SSIM {ssim:.2f}'}",
                true=true,
                rebuilt=own,
            )
        )
    return tuple(pairs)


def _levels(picture: Fields, key: str) -> Levels:
    """A picture as a file holds it; empty where it is none."""
    rows = picture.values.get(key)
    if not isinstance(rows, list) or not 0 < len(rows) <= _LARGEST_SIDE:
        return ()
    if not all(isinstance(row, list) and 0 < len(row) <= _LARGEST_SIDE and len(row) == len(rows[0]) for row in rows):
        return ()
    if not all(type(level) is int and 0 <= level <= 255 for row in rows for level in row):
        return ()
    return tuple(map(tuple, rows))


def _shape(levels: Levels) -> tuple[int, int]:
    return len(levels), len(levels[0])


def _drawing(pairs: Sequence[Pair], palette: Palette) -> Drawing:
    """Two rows of heat maps. A picture is one row of data, taken apart by the chart: cells would be a megabyte."""
    height, width = _shape(pairs[0].true)
    rows: list[Row] = [
        {
            "picture": f"{pair.whose}\n{pair.label}\n{pair.likeness}",
            "place": place,
            "kind": kind,
            "order": order,
            "level": [level for row in levels for level in row],
            "cell": list(range(height * width)),
        }
        for place, pair in enumerate(pairs)
        for order, (kind, levels) in enumerate((("true", pair.true), ("rebuilt", pair.rebuilt)))
    ]
    # A frame, so that an empty picture is seen to be there.
    view = alt.ViewBackground(stroke=palette.grid, fill=palette.paper)
    cells = (
        alt.Chart(alt.NamedData(name="rows"), view=view)
        .transform_flatten(["level", "cell"])
        .transform_filter("datum.level > 0")
        .transform_calculate(
            left=f"datum.cell % {width}",
            right=f"datum.cell % {width} + 1",
            top=f"floor(datum.cell / {width})",
            bottom=f"floor(datum.cell / {width}) + 1",
        )
        .mark_rect(color=palette.ink, strokeWidth=0)
        .encode(
            x=alt.X("left:Q", scale=alt.Scale(domain=[0, width], nice=False), axis=None),
            x2="right:Q",
            y=alt.Y("top:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None),
            y2="bottom:Q",
            opacity=alt.Opacity("level:Q", scale=alt.Scale(domain=[0, 255], range=[0, 1]), legend=None),
        )
        .properties(width=_SIDE, height=_SIDE * height / width)
    )
    label = {"labelColor": palette.ink, "labelFont": palette.font, "labelFontSize": 11, "title": None}
    across = alt.Header(**label, labelExpr="split(datum.label, '\\n')", labelLimit=_SIDE + 20)
    chart = cells.facet(
        column=alt.Column("picture:N", sort=alt.EncodingSortField("place", op="min"), header=across),
        row=alt.Row("kind:N", sort=alt.EncodingSortField("order", op="min"), header=alt.Header(**label)),
        spacing=12,
    )
    return Drawing(chart, {"rows": rows})
