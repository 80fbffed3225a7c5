"""What the audits of a sweep's runs found: each run, over the seeds, and against accuracy."""

from collections.abc import Iterable, Mapping, Sequence

from privacy.findings import Finding
from scenarios.grid import Point
from simulation.report.sections.measured import AUC, GUESSING
from simulation.sweeps.directory import SweepDirectory, Table, findings_of
from simulation.sweeps.fronts import on_front, spread


def audited(point: Point, directory: SweepDirectory, failure: str) -> Table:
    """What a completed run's row says of its audits; `failure` is why they came to no end, if they did not."""
    if not point.loaded.scenario.audit:
        return {"audits": "none", "audits_failed": "", "findings": {}, "contradictions": []}
    found = findings_of(directory.run(point))
    return {
        "audits": "done" if found else "failed" if failure else "waiting",
        "audits_failed": "" if found else failure,
        "findings": {name: _interval(finding) for name, finding in _named(found)},
        "contradictions": [f"{one.kind}: {one.statement}" for one in found if one.contradiction],
    }


def over_seeds(runs: Sequence[Table]) -> Table:
    """Every figure of the runs' findings: mean, standard deviation and count; and how many runs were audited."""
    names = dict.fromkeys(name for run in runs for name in run["findings"])
    return {
        "audited": sum(run["audits"] == "done" for run in runs),
        "findings": {
            name: spread(run["findings"][name]["value"] for run in runs if name in run["findings"]) for name in names
        },
    }


def mark_attack_fronts(settings: Sequence[Table]) -> None:
    """Mark for every AUC the settings that no other beats: none as accurate gives an attacker less.

    Worse than guessing is no better than guessing: it is chance, and the attacker need only be told.
    """
    names = dict.fromkeys(name for one in settings for name in one["findings"] if f": {AUC}" in name)
    for name in names:
        known = [one for one in settings if name in one["findings"]]
        costs = [max(GUESSING, one["findings"][name]["mean"]) for one in known]
        accuracies = [None if one["accuracy"] is None else one["accuracy"]["mean"] for one in known]
        for one, marked in zip(known, on_front(accuracies, costs), strict=True):
            one["findings"][name]["on_front"] = marked


def _named(found: Iterable[Finding]) -> Iterable[tuple[str, Finding]]:
    """Every finding with a value by its kind and figure; the same audit twice is told apart by number."""
    seen = dict[str, int]()
    for one in found:
        if one.value is None:
            continue
        name = f"{one.kind}: {one.figure}"
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name} ({seen[name]})"), one


def _interval(finding: Finding) -> Mapping[str, float | None]:
    return {name: getattr(finding, name) for name in ("value", "low", "high", "confidence")}
