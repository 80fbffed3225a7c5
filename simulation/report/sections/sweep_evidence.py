"""What a sweep's audits found: attack success against epsilon and accuracy, and epsilon as shown and promised."""

import math
from collections.abc import Sequence

from simulation.report.drawings.attack_charts import against_epsilon, places
from simulation.report.drawings.drawing import Row
from simulation.report.drawings.palette import PAGE
from simulation.report.files.outcomes import Outcomes, Setting, Spread
from simulation.report.sections import evidence
from simulation.report.sections.comparison import attack_names
from simulation.report.sections.exhibits import Exhibit, exhibit
from simulation.report.sections.measured import AUC, CANARY, LOWER_BOUND
from simulation.report.sections.tables import Table
from simulation.report.wording import number_of, significant

_MOST_ATTACKS = 12
_BOUND = f"{CANARY}: {LOWER_BOUND}"


def attack_figures(outcomes: Outcomes) -> tuple[str, ...]:
    """The names of the AUCs that the settings have, in the order of their audits."""
    names = dict.fromkeys(name for one in outcomes.settings for name in one.findings)
    found = (name for name in names if f": {AUC}" in name and all(map(_is_share, _spreads(outcomes, name))))
    return tuple(found)[:_MOST_ATTACKS]


def exhibits(outcomes: Outcomes) -> tuple[Exhibit, ...]:
    """Attack success against epsilon, and what of epsilon was shown, for each setting; what there is."""
    found = (_against_epsilon(outcomes), _epsilons(outcomes))
    return tuple(one for one in found if one is not None)


def table(outcomes: Outcomes) -> Table | None:
    """Every finding of every setting, mean and deviation over its seeds; None where nothing was tried."""
    rows = tuple(
        (one.name, name, f"{found.spread.count} of {one.runs}", _told(found.spread), "yes" if found.on_front else "–")
        for one in outcomes.settings
        for name, found in one.findings.items()
    )
    header = ("Setting", "Finding", "Runs", "Value", "On its front")
    return Table("What audits found at every setting", header, rows) if rows else None


def _against_epsilon(outcomes: Outcomes) -> Exhibit | None:
    figures = attack_figures(outcomes)
    if not figures:
        return None
    called = attack_names([_parted(name) for name in figures])
    found = [(one, name) for one in outcomes.settings for name in figures if name in one.findings]
    axis = places([_epsilon(one) for one, _ in found])
    rows = [
        {
            **_ends(one.findings[name].spread),
            "x": axis.of(_epsilon(one), figures.index(name), len(figures)),
            "epsilon": "no bound" if _epsilon(one) is None else significant(_epsilon(one)),
            "attack": called[_parted(name)],
            "name": one.name,
        }
        for one, name in found
    ]
    caption = (
        "Each mark is one attack on one setting: the mean over its seeds, its line one standard deviation to either "
        "side. Dashed: what guessing gives. Settings for which nothing bounds ε stand at the right end."
    )
    drawing = against_epsilon(rows, list(called.values()), axis, "AUC of the attack", PAGE)
    return exhibit("attacks-epsilon", "Attack success against ε", caption, drawing, wide=True)


def _epsilons(outcomes: Outcomes) -> Exhibit | None:
    bounded = [one for one in outcomes.settings if _BOUND in one.findings]
    least = [one.findings[_BOUND].spread.mean for one in bounded]
    if not bounded or not all(0 <= value < 1e12 for value in least):
        return None
    promised = [math.inf if (epsilon := _epsilon(one)) is None else epsilon for one in bounded]
    caption = (
        "For each setting with canaries, from what its audits could show, the mean over its seeds, to what the "
        "accountant promises. A mean above the promise is drawn as a contradiction; that of a single run is told above."
        f"{evidence.so_many(len(bounded), 'settings')}"
    )
    return evidence.epsilons([one.name for one in bounded], least, promised, caption)


def _epsilon(one: Setting) -> float | None:
    spread = one.figure("epsilon")
    return None if spread is None or spread.mean < 0 else spread.mean


def _ends(spread: Spread) -> Row:
    low, high = max(0.0, spread.mean - spread.deviation), min(1.0, spread.mean + spread.deviation)
    return {"value": spread.mean, "low": low, "high": high, "said": _told(spread)}


def _told(spread: Spread) -> str:
    apart = f" ± {significant(spread.deviation)}" if spread.count > 1 else ""
    return f"{significant(spread.mean)}{apart} of {number_of(spread.count, 'run')}"


def _spreads(outcomes: Outcomes, name: str) -> Sequence[Spread]:
    return [one.findings[name].spread for one in outcomes.settings if name in one.findings]


def _is_share(spread: Spread) -> bool:
    return 0 <= spread.mean <= 1


def _parted(name: str) -> tuple[str, str]:
    kind, _, figure = name.partition(": ")
    return kind, figure
