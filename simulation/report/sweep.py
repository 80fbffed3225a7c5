"""The page of a sweep: what its runs show together, in sentences, charts and a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from simulation.report import page
from simulation.report.drawings import sweep_charts
from simulation.report.drawings.palette import PAGE
from simulation.report.drawings.sweep_charts import Axis
from simulation.report.files.fields import Fields
from simulation.report.files.outcomes import Outcomes, Setting, Spread
from simulation.report.sections import sweep_answer, sweep_evidence
from simulation.report.sections.exhibits import Exhibit, exhibit
from simulation.report.sections.figures import Figure
from simulation.report.sections.measured import GUESSING
from simulation.report.sections.sweep_answer import at_epsilon, mean_accuracy
from simulation.report.sections.tables import Table
from simulation.report.wording import duration, equals, number_of, percent, points, significant, size, stated

_MOST_FIGURES = 8
_MOST_GUARANTEES = 8
_GAP = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Cost:
    """Something that accuracy is bought with: what it is of a setting, and what may be said of those on its front.

    `guessing` is what an attacker has without it.
    """

    key: str
    title: str
    said: str
    numbers: str
    of: Callable[[Setting], Spread | None]
    on_front: Callable[[Setting], bool]
    guessing: float | None = None

    @property
    def axis(self) -> Axis:
        """The axis it is drawn along."""
        return Axis(self.title if self.guessing is None else "success of the attack", self.numbers, self.guessing)


_EPSILON = Cost(
    key="epsilon",
    title="ε",
    said="No other setting is as accurate for a smaller ε",
    numbers=".6~g",
    of=lambda one: one.figure("epsilon"),
    on_front=lambda one: one.on_epsilon_front,
)
_BYTES = Cost(
    key="bytes",
    title="bytes sent and received",
    said="No other setting is as accurate for fewer bytes",
    numbers=".3~s",
    of=lambda one: one.figure("bytes"),
    on_front=lambda one: one.on_bytes_front,
)


@dataclass(frozen=True)
class Promise:
    """What some runs promise, as their manifests have it, and how many these are, in words."""

    told: Fields
    runs: str


@dataclass(frozen=True)
class SweepSection:
    """A sweep as the template shows it."""

    name: str
    question: str
    answer: tuple[str, ...]
    each: tuple[str, ...]
    warnings: tuple[str, ...]
    figures: tuple[Figure, ...]
    charts: tuple[Exhibit, ...]
    evidence: tuple[Exhibit, ...]
    evidence_table: Table | None
    table: Table
    guarantees: tuple[Promise, ...]
    stamps: tuple[str, ...]
    outcomes: Outcomes


def render_sweep(outcomes: Outcomes) -> str:
    """The whole page. Everything that the files say is escaped, in the markup and in the charts' data."""
    told = outcomes.told
    guarantees = tuple(
        Promise(one, number_of(one.count("runs"), "private run"))
        for one in told.inners("guarantees")[:_MOST_GUARANTEES]
    )
    section = SweepSection(
        name=told.text("name") or "sweep",
        question=told.text("question"),
        answer=sweep_answer.answer(outcomes),
        each=sweep_answer.each(outcomes),
        warnings=tuple(warning for warning in (_optimism(outcomes), _tuning(outcomes)) if warning),
        figures=_figures(outcomes) if sweep_answer.had_a_choice(outcomes) else (),
        charts=_charts(outcomes),
        evidence=sweep_evidence.exhibits(outcomes),
        evidence_table=sweep_evidence.table(outcomes),
        table=_table(outcomes),
        guarantees=guarantees,
        stamps=_stamps(guarantees),
        outcomes=outcomes,
    )
    charts = {f"sweep-{one.key}": one.chart for one in (*section.charts, *section.evidence) if one.chart is not None}
    return page.fill("sweep.html.j2", charts, section=section)


def _stamps(guarantees: Sequence[Promise]) -> tuple[str, ...]:
    """The stamps of seeded runs, each once, with of how many runs it is where others have none or another."""
    stamps = dict.fromkeys(stamp for one in guarantees if (stamp := one.told.text("stamp")))
    if all(one.told.text("stamp") in stamps for one in guarantees) and len(stamps) == 1:
        return tuple(stamps)
    counts = {
        stamp: sum(one.told.count("runs") for one in guarantees if one.told.text("stamp") == stamp) for stamp in stamps
    }
    return tuple(f"{number_of(count, 'private run')}: {stamp}" for stamp, count in counts.items())


def _optimism(outcomes: Outcomes) -> str:
    if not outcomes.told.flag("optimistic"):
        return ""
    return (
        "Settings were chosen by their accuracy on the test set, so the accuracy of the chosen ones is optimistic: it "
        "is the best of several draws. data.validation_fraction holds records out to choose by."
    )


def _tuning(outcomes: Outcomes) -> str:
    tuning = outcomes.told.inner("tuning")
    if not tuning:
        return ""
    epsilon = tuning.number("epsilon")
    spent = "no finite ε" if epsilon is None else equals("ε", significant(epsilon))
    delta = tuning.finite("delta")
    at = "" if delta is None else f" at δ {stated(delta)}"
    without = tuning.count("unprotected_runs")
    besides = (
        f" {number_of(without, 'run')} without privacy used the records, too; nothing bounds those." if without else ""
    )
    runs = number_of(tuning.count("private_runs"), "private run")
    return (
        f"The ε of a setting is that of one run alone. All {runs} used the same records, and what bounds a choice made "
        f"by looking at them all is {spent}{at}: their Rényi divergences add up, of each run those of its most exposed "
        f"client and segment.{besides}"
    )


def _figures(outcomes: Outcomes) -> tuple[Figure, ...]:
    front = outcomes.told.text("front")
    figures = []
    for one in [one for one in outcomes.settings if one.chosen][:_MOST_FIGURES]:
        spread, rest = one.figure("accuracy"), {key: value for key, value in one.words.items() if key != front}
        name = f"{front}: {one.words[front]}" if front in one.words else "Chosen of all settings"
        words = ", ".join(f"{key} {value}" for key, value in rest.items())
        meaning = f"{'With ' + words if words else 'Test accuracy'}{at_epsilon(one)}{_apart(spread)}."
        figures.append(Figure(name, percent(None if spread is None else spread.mean), meaning))
    return tuple(figures)


def _apart(spread: Spread | None) -> str:
    if spread is None or spread.count < 2:
        return ", of one run"
    return f", ± {points(spread.deviation)} over {spread.count} runs"


def _charts(outcomes: Outcomes) -> tuple[Exhibit, ...]:
    attacks = [_attack(place, name) for place, name in enumerate(sweep_evidence.attack_figures(outcomes))]
    known = [one for one in outcomes.settings if one.figure("accuracy")]
    # Where nothing bounds any setting's epsilon there is no trade-off, and the chart would be an empty one.
    bounds = () if known and not any(one.figure("epsilon") for one in known) else (_EPSILON,)
    return tuple(_trade_off(outcomes, cost) for cost in (*bounds, _BYTES, *attacks))


def _attack(place: int, name: str) -> Cost:
    def spread(one: Setting) -> Spread | None:
        return one.findings[name].spread if name in one.findings else None

    def on_front(one: Setting) -> bool:
        return name in one.findings and one.findings[name].on_front

    said = "No other setting is as accurate with less success of the attack"
    return Cost(f"attack-{place}", name, said, ".3~f", spread, on_front, guessing=GUESSING)


def _trade_off(outcomes: Outcomes, cost: Cost) -> Exhibit:
    key, name = f"accuracy-{cost.key}", f"Accuracy against {cost.title}"
    drawn = [one for one in outcomes.settings if _drawable(one.figure("accuracy")) and _drawable(cost.of(one))]
    if not drawn:
        return exhibit(key, name, f"No setting has both an accuracy and a finite {cost.title}.", None, wide=True)
    choice = sweep_answer.had_a_choice(outcomes)
    rows = sorted((_row(one, cost, choice) for one in drawn), key=lambda row: float(str(row["cost"])))
    on_front = [_row(one, cost, choice) for one in drawn if cost.on_front(one)]
    front = sorted(on_front, key=lambda row: (float(str(row["cost"])), float(str(row["accuracy"]))))
    free = [one for one in outcomes.settings if cost is _EPSILON and one.figure("accuracy") and not cost.of(one)]
    best = max(free, key=mean_accuracy, default=None)
    level = [] if best is None else [{"accuracy": mean_accuracy(best), "label": "the best without a bound on ε"}]
    caption = (
        f"Each point is a setting's mean over its seeds, its lines one standard deviation to either side. {cost.said} "
        f"than those on the dashed line.{' A diamond is a setting that was chosen.' if choice else ''}"
        f"{'' if cost.guessing is None else ' Dotted: what guessing gives an attacker.'}"
    )
    drawing = sweep_charts.trade_off(rows, front, level, cost.axis, PAGE)
    return exhibit(key, name, caption, drawing, wide=cost.guessing is None)


def _drawable(spread: Spread | None) -> bool:
    return spread is not None and 0 <= spread.mean < 1e15


def _row(one: Setting, cost: Cost, choice: bool) -> dict[str, object]:
    accuracy, spent = one.figure("accuracy"), cost.of(one)
    assert accuracy is not None
    assert spent is not None
    return {
        "cost": spent.mean,
        "accuracy": accuracy.mean,
        **(
            {}
            if cost.guessing is None
            else {"least": spent.mean - spent.deviation, "most": spent.mean + spent.deviation}
        ),
        "low": max(0.0, accuracy.mean - accuracy.deviation),
        "high": min(1.0, accuracy.mean + accuracy.deviation),
        "spread": f"± {points(accuracy.deviation)} of {number_of(accuracy.count, 'run')}",
        "kind": "chosen" if one.chosen and choice else "tried",
        "label": one.name,
    }


def _table(outcomes: Outcomes) -> Table:
    keys = list(dict.fromkeys(key for one in outcomes.settings for key in one.words))
    shown = {
        "Validation": ("validation_accuracy", True),
        "Accuracy": ("accuracy", True),
        "Average accuracy": ("average_accuracy", True),
        "Forgetting": ("forgetting", True),
    }
    present = {name: told for name, told in shown.items() if any(one.figure(told[0]) for one in outcomes.settings)}
    header = ("Setting", *keys, "Runs", *present, "Loss", "ε", "Traffic", "Time")
    choice = sweep_answer.had_a_choice(outcomes)
    rows = [
        (
            f"{number}{', chosen' if one.chosen and choice else ''}",
            *(one.words.get(key, "–") for key in keys),
            f"{one.count}{_GAP}of{_GAP}{one.runs}",
            *(_cell(one.figure(name)) for name, _ in present.values()),
            _figure(one.figure("loss"), significant),
            _figure(one.figure("epsilon"), significant),
            _figure(one.figure("bytes"), size),
            _figure(one.figure("seconds"), duration),
        )
        for number, one in enumerate(outcomes.settings, start=1)
    ]
    return Table("Every setting in numbers", header, tuple(rows))


def _cell(spread: Spread | None) -> str:
    if spread is None:
        return "–"
    return percent(spread.mean) + (f"{_GAP}±{_GAP}{100 * spread.deviation:.1f}" if spread.count > 1 else "")


def _figure(spread: Spread | None, word: Callable[[float], str]) -> str:
    return "–" if spread is None else word(spread.mean)
