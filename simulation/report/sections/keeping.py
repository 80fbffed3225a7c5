"""What became of what a model knew while the world changed, in sentences: by experience, and with each drift."""

from collections.abc import Iterator
from statistics import fmean

from simulation.report.files.run import Run
from simulation.report.sections.matrix import matrix_of
from simulation.report.sections.timeline import Event, events
from simulation.report.wording import number_of, percent, points

_WORTH_TELLING = 0.005
_MOST_DRIFTS = 3
_MOST_LISTED = 5
"""More experiences than these are not told one by one."""


def what_was_forgotten(run: Run) -> str:
    """How far accuracy fell on earlier experiences, and on which most."""
    matrix = matrix_of(run)
    if matrix is None or matrix.forgetting is None:
        return ""
    worst = max(range(len(matrix.forgotten)), key=lambda place: matrix.forgotten[place])
    if matrix.forgotten[worst] < _WORTH_TELLING:
        return "Of earlier experiences it forgot nothing."
    return (
        f"On earlier experiences its accuracy fell by {points(matrix.forgetting)} on average from their best, most on "
        f"“{matrix.names[worst]}”, by {points(matrix.forgotten[worst])}."
    )


def how_it_met_what_came(run: Run) -> str:
    """The accuracy on each experience before it came, once it was learned and at the end; of many the means.

    Nothing where experiences are classes: of a class that nobody has shown to it no model knows anything.
    """
    matrix = matrix_of(run)
    if matrix is None or len(matrix.cells) < 2 or run.scenario.inner("stream").text("kind") == "class-incremental":
        return ""
    cells = [[share or 0.0 for share in row] for row in matrix.cells]
    last = len(cells) - 1
    if last >= _MOST_LISTED:
        awaited, learned = (fmean(cells[place - past][place] for place in range(1, last + 1)) for past in (1, 0))
        return (
            f"On the experience that was to come next the model had {percent(awaited)} on average, and "
            f"{percent(learned)} once that was learned."
        )
    told = [
        f"“{name}” "
        + (f"{percent(cells[place - 1][place])} before it came, " if place else "")
        + f"{percent(cells[place][place])} once learned"
        + (f", {percent(cells[last][place])} at the end" if place < last else "")
        for place, name in enumerate(matrix.names[: last + 1])
    ]
    return f"By experience, in the order in which they came: {'; '.join(told)}."


def what_statistics_keep(run: Run) -> str:
    """That sums know no order, so that accuracy on earlier experiences fell for other reasons than that."""
    if run.scenario.inner("learner").text("kind") != "additive-statistics":
        return ""
    noise = ", but for the noise" if run.epsilon else ""
    return (
        "Its statistics are sums, so it is the model that it would be had all that is in it come at once"
        f"{noise}: the order in which it came took nothing."
    )


def what_drift_did(run: Run) -> Iterator[str]:
    """How far the accuracy fell with each drift, and when it was again what it had been in the round before."""
    by_round = {one.round: one for one in run.rounds}
    for at, event in list({one.at: one for one in events(run) if one.kind == "drift"}.items())[:_MOST_DRIFTS]:
        before = by_round.get(at - 1)
        if before is None or before.accuracy is None:
            continue
        over = _unchanged_until(run, event)
        # With another experience the accuracy is over other records.
        known = [
            one
            for one in run.rounds
            if at <= one.round <= over and one.accuracy is not None and one.experience == before.experience
        ]
        if known:
            yield _fall_and_recovery(event, before.accuracy, [(one.round, one.accuracy or 0.0) for one in known])


def _fall_and_recovery(event: Event, before: float, after: list[tuple[int, float]]) -> str:
    """A drift in a sentence, from the accuracy of the round before and of every round in which it lasts."""
    gradual = event.fields.text("pattern") == "gradual" and event.until is not None
    whole = event.until if gradual and event.until is not None else event.at
    when = f"of rounds {event.at} to {whole}" if gradual else f"of round {event.at}"
    worst, lowest = min(after, key=lambda one: one[1])
    if lowest >= before:
        return f"With the drift {when} the accuracy did not fall below the {percent(before)} of the round before."
    fell = f"With the drift {when} the accuracy fell from {percent(before)} to {percent(lowest)} in round {worst}"
    back = next((number for number, value in after if number > max(worst, whole) and value >= before), None)
    if back is None:
        return f"{fell} and was not back by round {after[-1][0]}, which had {percent(after[-1][1])}."
    since = "the drift was complete" if gradual else "the drift"
    return f"{fell} and was back in round {back}, {number_of(back - whole, 'round')} after {since}."


def _unchanged_until(run: Run, drift: Event) -> int:
    """The last round before a drift ends or another begins or ends, or the model is taken back."""
    ends = [run.last]
    for event in events(run):
        if event.kind in ("drift", "unlearn") and event.at > drift.at:
            ends.append(event.at - 1)
        passes = event.kind == "drift" and event.fields.text("pattern") != "gradual"
        if passes and event.until is not None and event.until >= drift.at:
            ends.append(event.until)
    period = drift.fields.count("period")
    return min([*ends, drift.at + period - 1] if period else ends)
