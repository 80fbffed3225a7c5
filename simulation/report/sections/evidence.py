"""What attacks achieved and audits showed of one run, beside what it promises: exhibits, a table, sentences."""

import math
from collections.abc import Iterable, Sequence

from simulation.report.drawings.drawing import Row
from simulation.report.drawings.interval_charts import Scale, intervals
from simulation.report.drawings.palette import PAGE
from simulation.report.files.run import Run
from simulation.report.sections.exhibits import Exhibit, exhibit
from simulation.report.sections.figures import epsilon_of
from simulation.report.sections.measured import CANARY, NOISE, Measured, lower_bounds, measured, on_purpose
from simulation.report.sections.tables import Table
from simulation.report.wording import equals, significant

_EPSILON = "ε between what was shown and what is promised"
MOST_ROWS = 40
"""More intervals than this nobody reads one by one; the table has them all."""
_LARGEST = 1e12


def exhibits(run: Run) -> tuple[Exhibit, ...]:
    """Epsilon between what was shown and what is promised, attacks against guessing, and the noise; what there is."""
    found = (_epsilon(run), _attacks(run), _noise(run))
    return tuple(one for one in found if one is not None)


def table(run: Run) -> Table | None:
    """Every finding with a number; None where there is none."""
    rows = tuple(
        (one.name, significant(one.value), one.interval or "–", "✗ contradicts" if one.contradiction else "no")
        for one in measured(run)
    )
    header = ("Finding", "Value", "Interval", "Contradicts the run")
    return Table("Every finding in numbers", header, rows) if rows else None


def overview(run: Run) -> tuple[tuple[str, str], ...]:
    """What tells runs apart at a glance; empty where a run does not have it."""
    shown, attack = shown_epsilon(run), strongest(run)
    broken = sum(one.contradiction for one in measured(run))
    return (
        ("Contradictions", f"✗ {broken}" if broken else ""),
        ("ε, shown at least", "" if shown is None else significant(shown.value)),
        ("Strongest attack, AUC", "" if attack is None else f"{attack.value:.3f}"),
    )


def sentences(run: Run) -> tuple[str, ...]:
    """What was shown of epsilon and the strongest attack, in words."""
    shown, attack, promised, told = shown_epsilon(run), strongest(run), epsilon_of(run), list[str]()
    if shown is not None and promised is not None and math.isfinite(promised):
        least = equals("ε", significant(shown.value))
        told.append(
            f"An audit showed at least {least}, which is more than that: one of the two is wrong."
            if shown.value > promised
            else f"At least {least} of that an audit could show."
        )
    if attack is not None:
        told.append(
            f"The strongest attack that was tried, by {attack.figure.removeprefix('AUC of ')}, came to an AUC of "
            f"{attack.value:.3f} ({attack.interval}), where guessing gives 0.5."
        )
    return tuple(told)


def shown_epsilon(run: Run) -> Measured | None:
    """The largest lower bound on epsilon that an audit gave."""
    return max(lower_bounds(run), key=lambda one: one.value, default=None)


def strongest(run: Run) -> Measured | None:
    """The attack with the largest AUC."""
    return max((one for one in measured(run) if one.is_auc), key=lambda one: one.value, default=None)


def epsilon_row(
    place: int, name: str, shown: float | None, promised: float, top: float, broken: str = "contradiction"
) -> Row:
    """A row of the chart of epsilon: what was shown (None: nothing) to what is promised, infinite for no bound.

    `broken` is what it is called where more was shown than is promised.
    """
    least = shown or 0.0
    at_least = "no audit showed a lower bound" if shown is None else f"an audit showed at least {significant(shown)}"
    if not promised <= _LARGEST:
        words, kind, high = f"no bound above; {at_least}", "open", top
    elif least > promised:
        words = f"✗ {broken}: {significant(least)} shown, at most {significant(promised)} promised"
        kind, least, high = "contradiction", promised, least
    else:
        words, kind, high = f"{significant(least)} to {significant(promised)}: {at_least}", "sound", promised
    return {"row": place, "name": name, "words": words, "low": least, "high": high, "kind": kind}


def epsilons(names: Sequence[str], shown: Sequence[float | None], promised: Sequence[float], caption: str) -> Exhibit:
    """What was shown to what is promised, a row for each run or setting, the first of many."""
    scale = epsilon_scale([*shown, *promised])
    rows = [
        epsilon_row(place, name, low, high, scale.high)
        for place, (name, low, high) in enumerate(zip(names, shown, promised, strict=True))
    ][:MOST_ROWS]
    return exhibit("epsilon-shown", _EPSILON, caption, intervals(rows, [], scale, PAGE), wide=True)


def epsilon_scale(values: Iterable[float | None]) -> Scale:
    """From 0 to beyond the largest finite one."""
    known = [value for value in values if value is not None and 0 <= value <= _LARGEST]
    return Scale(0.0, 1.15 * max(known, default=1.0) or 1.0, "ε", ".6~g")


def so_many(count: int, what: str) -> str:
    """What a caption says where not all have a row."""
    return f" Drawn are the first {MOST_ROWS} of {count} {what}." if count > MOST_ROWS else ""


def _epsilon(run: Run) -> Exhibit | None:
    shown, promised = lower_bounds(run), epsilon_of(run)
    if not shown or promised is None:
        return None
    sabotaged = on_purpose(run)[:MOST_ROWS]
    scale = epsilon_scale([*(one.value for one in shown), *(one.value for _, one in sabotaged), promised])
    rows = [
        epsilon_row(place, _numbered("The largest ε of any record", place, len(shown)), one.value, promised, scale.high)
        for place, one in enumerate(shown)
    ]
    rows += [
        epsilon_row(place, f"Sabotage, {what}", one.value, promised, scale.high, "noticed")
        for place, (what, one) in enumerate(sabotaged, start=len(rows))
    ]
    caption = _between(max(one.value for one in shown), promised) + (_ON_PURPOSE if sabotaged else "")
    return exhibit("epsilon-shown", _EPSILON, caption, intervals(rows, [], scale, PAGE))


_ON_PURPOSE = " Sabotage is what the audit broke on purpose: there more should be shown than is promised."


def _between(shown: float, promised: float) -> str:
    if not promised <= _LARGEST:
        return f"The audit could show at least {significant(shown)}, and nothing bounds it from above."
    if shown > promised:
        return (
            f"A contradiction: an audit showed that it is at least {significant(shown)}, and the accountant promises "
            f"at most {significant(promised)}. Unless the audit had bad luck, which its confidence limits, the run "
            "does not do what the ledger was charged for."
        )
    return (
        f"Somewhere between {significant(shown)} and {significant(promised)}: the audit could show that much, the "
        "accountant rules out more. That less was shown than is promised does not mean that the promise is loose: a "
        "better audit may show more."
    )


def _attacks(run: Run) -> Exhibit | None:
    attacks = [one for one in measured(run) if one.kind != CANARY and one.is_share]
    if not attacks:
        return None
    caption = (
        "Diamond: how well an attack did; bar: where that lies, had other records been asked about. Dashed: what "
        "guessing gives. By this figure one whose bar holds the dashed line cannot be told from guessing; a better "
        "attack may do better."
    )
    return _measured_chart("attacks", "What attacks achieved", caption, attacks, "guessing")


def _noise(run: Run) -> Exhibit | None:
    found = [
        one for one in measured(run) if one.kind == CANARY and one.figure == NOISE and None not in (one.low, one.high)
    ]
    caption = (
        "The standard deviation of the noise that was measured, over the one the ledger was charged for. Dashed: as "
        "claimed. A bar wholly to the left of it is too little noise."
    )
    return _measured_chart("noise", "How much noise there was", caption, found, "as claimed") if found else None


def _measured_chart(key: str, title: str, caption: str, found: Sequence[Measured], word: str) -> Exhibit:
    """An exhibit with a row for each; every one of them has an interval."""
    places = [1.0 if one.figure == NOISE else one.guessing for one in found]
    rows, marks = list[Row](), list[Row]()
    for place, (one, expected) in enumerate(zip(found, places, strict=True)):
        rows.append(
            {
                "row": place,
                "name": one.name,
                "words": f"{'✗ contradiction: ' if one.contradiction else ''}{one.value:.3f}, {one.interval}"
                f"{'' if expected is None else _against(one, expected, word)}",
                "low": one.low,
                "high": one.high,
                "value": one.value,
                "kind": "contradiction" if one.contradiction else "sound",
            }
        )
        if expected is not None:
            marks.append({"row": place, "value": expected, "word": "" if marks else f"{word} {expected:g}"})
    ends = [float(str(row[key])) for row in rows for key in ("low", "high")] + [
        float(str(row["value"])) for row in marks
    ]
    around = 0.08 * (max(ends) - min(ends)) or 0.05
    scale = Scale(min(ends) - around, max(ends) + around, "", ".4~g")
    return exhibit(key, title, caption, intervals(rows, marks, scale, PAGE))


def _against(one: Measured, expected: float, word: str) -> str:
    low, high = (one.value if end is None else end for end in (one.low, one.high))
    return f"; {'above' if low > expected else 'below' if high < expected else 'holds'} {word}"


def _numbered(name: str, place: int, count: int) -> str:
    return name if count == 1 else f"{name}, audit {place + 1}"
