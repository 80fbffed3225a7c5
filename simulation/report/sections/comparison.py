"""What attacks achieved and audits showed of several runs, side by side."""

from collections import Counter
from collections.abc import Sequence

from simulation.report.drawings.attack_charts import against_epsilon, places
from simulation.report.drawings.drawing import Row
from simulation.report.drawings.palette import PAGE
from simulation.report.files.run import Run
from simulation.report.sections import evidence
from simulation.report.sections.exhibits import Exhibit, exhibit
from simulation.report.sections.figures import epsilon_of
from simulation.report.sections.measured import AUC, Measured, measured
from simulation.report.sections.tables import Table
from simulation.report.wording import significant

_LONGEST = 90
_MOST_ATTACKS = 12


def names_of(runs: Sequence[Run]) -> tuple[str, ...]:
    """A name for each run that no other has: what it is called and, where others are called alike, what was set."""
    names = [run.manifest.text("name") or f"run {number}" for number, run in enumerate(runs, start=1)]
    # What was tried afterwards does not tell runs apart.
    said = [[one for one in run.manifest.texts("overrides") if not one.startswith("audit")] for run in runs]
    common = set(said[0]).intersection(*said[1:]) if said else set()
    called, told = Counter(names), list[str]()
    for name, overrides in zip(names, said, strict=True):
        own = ", ".join(one for one in overrides if one not in common) or "as it is"
        text = name if called[name] == 1 else f"{name}, {own}"
        told.append(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")
    times = Counter(told)
    return tuple(f"{one} ({place})" if times[one] > 1 else one for place, one in enumerate(told, start=1))


def exhibits(runs: Sequence[Run], names: Sequence[str]) -> tuple[Exhibit, ...]:
    """Attack success against epsilon, and epsilon between what was shown and what is promised; what there is."""
    found = (_attacks(runs, names), _epsilons(runs, names))
    return tuple(one for one in found if one is not None)


def table(runs: Sequence[Run], names: Sequence[str]) -> Table | None:
    """Every attack of every run in numbers; None where nothing was tried."""
    rows = tuple(
        (name, _promised(run), one.name, significant(one.value), one.interval or "–")
        for run, name in zip(runs, names, strict=True)
        for one in measured(run)
    )
    header = ("Run", "ε promised", "Finding", "Value", "Interval")
    return Table("Every finding of every run in numbers", header, rows) if rows else None


def attack_names(attacks: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """How attacks, each a kind and a figure, are called in a legend: by the kind only where there are several."""
    kinds = {kind for kind, _ in attacks}
    return {
        (kind, figure): figure.removeprefix(AUC) + (f" ({kind})" if len(kinds) > 1 else "") for kind, figure in attacks
    }


def _attacks(runs: Sequence[Run], names: Sequence[str]) -> Exhibit | None:
    found = [(run, name, one) for run, name in zip(runs, names, strict=True) for one in measured(run) if one.is_auc]
    legend = attack_names(list(dict.fromkeys((one.kind, one.figure) for _, _, one in found))[:_MOST_ATTACKS])
    if not legend:
        return None
    axis, order = places([epsilon_of(run) for run, _, _ in found]), list(legend)
    rows = list[Row]()
    for run, name, one in found:
        if (attack := (one.kind, one.figure)) in legend:
            epsilon = epsilon_of(run)
            x = axis.of(epsilon, order.index(attack), len(order))
            rows.append(_row(one, name, epsilon, {"x": x, "attack": legend[attack]}))
    caption = (
        "Each mark is one attack on one run, its line the interval that the attack's finding states. Dashed: what "
        "guessing gives. Runs for which nothing bounds ε stand at the right end, a run's attacks side by side."
    )
    drawing = against_epsilon(rows, list(legend.values()), axis, "AUC of the attack", PAGE)
    return exhibit("attacks-epsilon", "Attack success against ε", caption, drawing, wide=True)


def _row(one: Measured, name: str, epsilon: float | None, place: Row) -> Row:
    return {
        **place,
        "epsilon": "no bound" if epsilon is None else significant(epsilon),
        "value": one.value,
        "low": one.low,
        "high": one.high,
        "name": name,
        "said": f"{one.value:.3f}, {one.interval}",
    }


def _epsilons(runs: Sequence[Run], names: Sequence[str]) -> Exhibit | None:
    shown = [evidence.shown_epsilon(run) for run in runs]
    if not any(shown):
        return None
    least = [None if one is None else one.value for one in shown]
    promised = [float("inf") if (epsilon := epsilon_of(run)) is None else epsilon for run in runs]
    caption = (
        "From what an audit could show at least to what the accountant promises at most: somewhere in the bar. An "
        "arrow is a run for which nothing bounds ε. Where more was shown than is promised, it says contradiction."
        f"{evidence.so_many(len(runs), 'runs')}"
    )
    return evidence.epsilons(names, least, promised, caption)


def _promised(run: Run) -> str:
    epsilon = epsilon_of(run)
    return "no bound" if epsilon is None else significant(epsilon)
