"""The findings of a run in words: contradictions first, whatever a file holds in their place as it is written."""

from simulation.report.fields import Fields
from simulation.report.run import Run


def findings(run: Run) -> tuple[str, ...]:
    """What each audit says; of a finding without a statement its JSON."""
    spelt = run.summary.texts("findings")
    listed = run.summary.values.get("findings")
    tables = [Fields(one) if isinstance(one, dict) else Fields() for one in listed] if isinstance(listed, list) else []
    told = [(not table.flag("contradiction"), _words(table) or text) for table, text in zip(tables, spelt, strict=True)]
    return tuple(words for _, words in sorted(told, key=lambda one: one[0]))


def _words(finding: Fields) -> str:
    statement = finding.text("statement")
    if not statement:
        return ""
    return f"{'Contradiction: ' if finding.flag('contradiction') else ''}{finding.text('kind')}: {statement}"
