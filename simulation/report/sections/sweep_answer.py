"""The answer of a sweep, from its settings' figures alone, in the sentences that open its page."""

from collections.abc import Iterator, Sequence

from simulation.report.files.outcomes import Outcomes, Setting, Spread
from simulation.report.sections.attacked import PSNR
from simulation.report.sections.measured import AUC, GUESSING
from simulation.report.wording import duration, equals, number_of, percent, points, significant, size

_MOST_TOLD = 10
"""More settings than these are not told one by one."""
_WORTH_TELLING = 1.5
"""Times as much as another setting, in bytes or seconds."""
_NO_DIFFERENCE = 0.0005
"""What reads as 0.0 points."""
_READERS = "visibility: roles that could read single updates"


def answer(outcomes: Outcomes) -> tuple[str, ...]:
    """What was tried, and the best and the most private of what was chosen, or of all where nothing was."""
    tried = number_of(len(outcomes.settings), "setting")
    runs = number_of(outcomes.runs, "run")
    told = f"{tried} {_were(len(outcomes.settings))} tried in {runs}"
    completed = f"{outcomes.completed:,} {_were(outcomes.completed)} completed"
    known = [one for one in outcomes.settings if one.figure("accuracy")]
    chosen = [one for one in known if one.chosen] if had_a_choice(outcomes) else known
    return f"{told}, of which {completed}.", *_best(chosen, "" if len(chosen) == len(known) else " of the chosen ones")


def each(outcomes: Outcomes) -> tuple[str, ...]:
    """Of few settings what became of each, with what audits found; nothing where there are many."""
    known = [one for one in outcomes.settings if one.figure("accuracy")]
    return tuple(_each(known)) if 1 < len(known) <= _MOST_TOLD else ()


def had_a_choice(outcomes: Outcomes) -> bool:
    """Whether any setting was chosen above another."""
    return len({one.chosen for one in outcomes.settings}) > 1


def at_epsilon(one: Setting) -> str:
    """At which epsilon a setting is what it is, to stand behind a figure."""
    spread = one.figure("epsilon")
    return " with nothing that bounds ε" if spread is None else f" at {equals('ε', significant(spread.mean))}"


def mean_accuracy(one: Setting) -> float:
    """The mean accuracy of a setting, 0 where none is known."""
    return _mean(one.figure("accuracy"))


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def _best(chosen: Sequence[Setting], of_which: str) -> Iterator[str]:
    best = max(chosen, key=mean_accuracy, default=None)
    if best is not None:
        yield f"The most accurate{of_which} classifies {_share(best)}{at_epsilon(best)}."
    bounded = [one for one in chosen if one.figure("epsilon")]
    least = min(bounded, key=lambda one: _mean(one.figure("epsilon")), default=None)
    if least is not None and least is not best:
        yield f"The most private one classifies {_share(least)}{at_epsilon(least)}{_less(least, best)}."


def _each(known: Sequence[Setting]) -> Iterator[str]:
    """Every setting in a line: accuracy beside that of the best, what it cost, and what audits made of it."""
    best = max(known, key=mean_accuracy)
    costs = [(name, word) for name, word in (("bytes", size), ("seconds", duration)) if _differs(known, name)]
    private = any(one.figure("epsilon") for one in known)
    for one in known:
        spent = [at_epsilon(one).strip()] if private else []
        forgot = one.figure("forgetting")
        spent += [f"forgetting {points(forgot.mean)}"] if forgot is not None else []
        spent += [word(spread.mean) for name, word in costs if (spread := one.figure(name)) is not None]
        yield (
            f"{one.name}: {_share(one)}{_beside(one, best)}{''.join(f', {words}' for words in (*spent, *_found(one)))}"
        )


def _beside(one: Setting, best: Setting) -> str:
    few, many = one.figure("accuracy"), best.figure("accuracy")
    if one is best or few is None or many is None:
        return ""
    if many.mean - few.mean < _NO_DIFFERENCE:
        return ""
    apart = ", within the spread over the seeds" if _within_spread(few, many) else ""
    single = ", of a single run" if min(few.count, many.count) < 2 else ""
    return f" ({points(many.mean - few.mean)} less than the best{apart}{single})"


def _found(one: Setting) -> Iterator[str]:
    """What audits found: who could read updates, the best reconstruction, and of each kind the largest AUC."""
    readers = one.findings.get(_READERS)
    if readers is not None:
        count = readers.spread.mean
        yield f"single updates readable by {f'{count:.3g} roles' if count else 'nobody'}"
    best: dict[str, float] = {}
    for name, found in one.findings.items():
        kind, _, figure = name.partition(": ")
        if figure.startswith((AUC, PSNR)):
            word = f"{kind} AUC" if figure.startswith(AUC) else f"{kind} PSNR"
            best[word] = max(found.spread.mean, best.get(word, found.spread.mean))
    for word, value in best.items():
        yield f"{word} {f'{value:.1f} dB' if word.endswith('PSNR') else f'{value:.3f} ({GUESSING:g} is guessing)'}"


def _differs(known: Sequence[Setting], name: str) -> bool:
    """Whether a figure tells settings apart, and does so by more than its own runs differ."""
    spreads = sorted((spread for one in known if (spread := one.figure(name)) is not None), key=lambda one: one.mean)
    if len(spreads) < len(known):
        return False
    least, most = spreads[0], spreads[-1]
    return most.mean > _WORTH_TELLING * least.mean and most.mean - least.mean > most.deviation + least.deviation


def _less(one: Setting, best: Setting | None) -> str:
    """How much less accurate a setting is than the best, as far as so few seeds can tell."""
    few, many = one.figure("accuracy"), None if best is None else best.figure("accuracy")
    if few is None or many is None:
        return ""
    lost = many.mean - few.mean
    if min(few.count, many.count) < 2:
        return f", {points(lost)} less in a single run: another seed may say otherwise"
    if _within_spread(few, many):
        return ", a difference that is within the spread over the seeds"
    return f", {points(lost)} less"


def _within_spread(few: Spread, many: Spread) -> bool:
    # Over three seeds two standard deviations of equal size are about what a t-test at 5% asks for.
    return min(few.count, many.count) > 1 and many.mean - few.mean <= few.deviation + many.deviation


def _share(one: Setting) -> str:
    spread = one.figure("accuracy")
    apart = f" ± {points(spread.deviation)}" if spread is not None and spread.count > 1 else ""
    return f"{percent(mean_accuracy(one))}{apart} of the test records correctly"


def _mean(spread: Spread | None) -> float:
    return 0.0 if spread is None else spread.mean
