"""The findings of a run in words: contradictions first, whatever a file holds in their place as it is written."""

from simulation.report.files.fields import Fields
from simulation.report.files.run import Run

_MOST, _LONGEST = 200, 4000
"""More than any audit has to say."""


def findings(run: Run) -> tuple[str, ...]:
    """What each audit says; of a finding without a statement its JSON."""
    return tuple(words for _, words in sorted(_told(run), key=lambda one: one[0]))


def contradictions(run: Run) -> tuple[str, ...]:
    """Those that cannot be true together with what the run promises."""
    return tuple(words for sound, words in _told(run) if not sound)


def _told(run: Run) -> list[tuple[bool, str]]:
    """Whether each finding leaves the run's promises standing, and its words."""
    spelt = run.summary.texts("findings")
    listed = run.summary.values.get("findings")
    tables = [Fields(one) if isinstance(one, dict) else Fields() for one in listed] if isinstance(listed, list) else []
    pairs = list(zip(tables, spelt, strict=True))[:_MOST]
    return [(not table.flag("contradiction"), (_words(table) or text)[:_LONGEST]) for table, text in pairs]


def _words(finding: Fields) -> str:
    statement = finding.text("statement")
    if not statement:
        return ""
    return f"{'Contradiction: ' if finding.flag('contradiction') else ''}{finding.text('kind')}: {statement}"
