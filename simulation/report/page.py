"""The page: a template filled with a run's figures, its scripts and styles named by hash in the page's own policy."""

import base64
import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from simulation.report import wording
from simulation.report.drawings.bundle import charting_script
from simulation.report.drawings.drawing import Specification
from simulation.report.files.fields import Fields
from simulation.report.files.run import Run
from simulation.report.sections import (
    comparison,
    continual,
    evidence,
    exhibits,
    figures,
    learned,
    pictures,
    spending,
    tables,
    told,
    visibility,
)
from simulation.report.sections.answering import answer
from simulation.report.sections.exhibits import Exhibit
from simulation.report.sections.figures import Figure
from simulation.report.sections.sight import Sight, sights
from simulation.report.sections.tables import Table
from simulation.report.sections.timeline import Experience, Mark, experiences, marks

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Status:
    """How a run ended: a sign and a word, so that colour is not needed to tell, and the reason if it gave one."""

    kind: str
    sign: str
    text: str
    reason: str


@dataclass(frozen=True)
class Section:
    """One run as the template shows it."""

    anchor: str
    run: Run
    status: Status
    answer: tuple[str, ...]
    overview: tuple[tuple[str, str], ...]
    figures: tuple[Figure, ...]
    timeline: Exhibit | None
    experiences: tuple[Experience, ...]
    learning: tuple[Exhibit, ...]
    forgetting: tuple[Exhibit, ...]
    kept: tuple[Figure, ...]
    privacy: tuple[Exhibit, ...]
    cost: tuple[Exhibit, ...]
    holdings: tuple[Exhibit, ...]
    marks: tuple[Mark, ...]
    who_saw_what: Table | None
    sights: tuple[Sight, ...]
    sights_table: Table
    rounds_table: Table
    epsilon_table: Table
    holdings_table: Table
    contradictions: tuple[str, ...]
    evidence: tuple[Exhibit, ...]
    evidence_table: Table | None
    findings: tuple[str, ...]
    guarantee: Fields
    provenance: tuple[tuple[str, str], ...]


def render(runs: Sequence[Run]) -> str:
    """The whole page. Everything that a run's files say is escaped, in the markup and in the charts' data."""
    sections = [_section(run, f"run-{number}") for number, run in enumerate(runs, start=1)]
    names = comparison.names_of(runs)
    compared = comparison.exhibits(runs, names) if len(runs) > 1 else ()
    charts = _charts(sections) | {f"runs-{one.key}": one.chart for one in compared if one.chart is not None}
    return fill(
        "page.html.j2",
        charts,
        sections=sections,
        columns=_columns(sections),
        names=names,
        compared=compared,
        compared_table=comparison.table(runs, names),
    )


def fill(template: str, charts: Mapping[str, Specification], **shown: object) -> str:
    """A page from a template, with charts by the element that they are drawn in; whatever is shown is escaped."""
    scripts = [charting_script(), _read("report.js")]
    style = _read("report.css")
    return _template(template).render(
        policy=_policy(scripts, style), scripts=scripts, style=style, charts=charts, **shown
    )


@functools.cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"size": wording.size, "trusted": Markup}
    return environment.get_template(name)


def _section(run: Run, anchor: str) -> Section:
    seen = sights(run)
    return Section(
        anchor=anchor,
        run=run,
        status=_status(run),
        answer=answer(run),
        overview=(*figures.overview(run), *evidence.overview(run)),
        figures=figures.headline(run),
        timeline=continual.timeline(run),
        experiences=experiences(run),
        forgetting=continual.forgetting(run),
        kept=continual.kept(run),
        learning=learned.learning(run),
        privacy=spending.privacy(run),
        cost=exhibits.cost(run),
        holdings=exhibits.holdings(run),
        marks=marks(run),
        who_saw_what=visibility.who_saw_what(run),
        sights=seen,
        sights_table=tables.sights(seen, len(run.rounds)),
        rounds_table=tables.rounds(run),
        epsilon_table=tables.epsilon(run),
        holdings_table=tables.holdings(run),
        contradictions=told.contradictions(run),
        evidence=(*pictures.rebuilt(run), *evidence.exhibits(run)),
        evidence_table=evidence.table(run),
        findings=told.findings(run),
        guarantee=run.manifest.inner("guarantee"),
        provenance=_provenance(run),
    )


def _status(run: Run) -> Status:
    kind = run.manifest.text("status")
    reason = run.manifest.text("reason")
    match kind:
        case "completed":
            return Status(kind, "✓", "Completed", reason)
        case "failed":
            return Status(kind, "✗", "Failed", reason or "The run gave no reason.")
        case "interrupted":
            return Status(kind, "‖", "Interrupted", reason or "It can be resumed.")
        case "running":
            return Status(kind, "…", "Not finished", reason or "It is still running, or was killed; it can be resumed.")
        case _:
            return Status("unknown", "?", "Status unknown", reason or "The manifest does not say how the run ended.")


def _provenance(run: Run) -> tuple[tuple[str, str], ...]:
    manifest, dataset, model = run.manifest, run.manifest.inner("dataset"), run.manifest.inner("model")
    versions = manifest.inner("versions")
    rows = (
        ("Run", manifest.text("run")),
        ("Seed", manifest.text("seed")),
        ("Engine", manifest.text("engine")),
        ("Overrides", ", ".join(manifest.texts("overrides")) or "none"),
        ("Data set", dataset.text("source")),
        ("Licence of the data", dataset.text("licence")),
        (
            "Model",
            f"{model.text('kind')}, {wording.number_of(model.count('parameters'), 'parameter')}" if model else "",
        ),
        ("Started", manifest.text("started")),
        ("Ended", manifest.text("ended")),
        ("Versions", ", ".join(f"{name} {versions.text(name)}" for name in versions)),
        ("SHA-256 of the scenario", manifest.text("scenario_sha256")),
        ("SHA-256 of the data", manifest.text("data_sha256")),
        ("SHA-256 of the final model", run.summary.text("final_sha256")),
        ("Last hash of the journal", run.journal_hash),
    )
    return tuple((name, value) for name, value in rows if value)


def _columns(sections: Sequence[Section]) -> list[str]:
    """The figures that at least one of the runs has."""
    return list(dict.fromkeys(name for section in sections for name, value in section.overview if value))


def _charts(sections: Sequence[Section]) -> dict[str, Specification]:
    return {
        f"{section.anchor}-{exhibit.key}": exhibit.chart
        for section in sections
        for exhibit in (
            section.timeline,
            *section.learning,
            *section.forgetting,
            *section.privacy,
            *section.cost,
            *section.evidence,
            *section.holdings,
        )
        if exhibit is not None and exhibit.chart is not None
    }


def _policy(scripts: Sequence[str], style: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            "script-src " + " ".join(map(_hash, scripts)),
            "style-src " + _hash(style),
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types default",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
