"""The headline figures, each with what it means."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from simulation.report.files.run import Run
from simulation.report.sections.matrix import matrix_of
from simulation.report.sections.timeline import all_have_come
from simulation.report.wording import duration, equals, factor, number_of, percent, significant, size, stated

_WORTH_TELLING = 0.02
"""A fall of accuracy from the best round to the last that the reader is told of."""


@dataclass(frozen=True)
class Figure:
    """A figure, what it is called and what it means in a sentence or two."""

    name: str
    value: str
    meaning: str


def headline(run: Run) -> tuple[Figure, ...]:
    """The figures at the top of a run's report; those that the run did not produce are left out."""
    makers: tuple[Callable[[Run], Figure | None], ...] = (
        _accuracy,
        _validation,
        _epsilon,
        _single_updates,
        _forgetting,
        _backdoor,
        _bytes,
        _time,
        _model,
    )
    return tuple(figure for make in makers if (figure := make(run)) is not None)


def overview(run: Run) -> tuple[tuple[str, str], ...]:
    """The figures by which runs are told apart at a glance, by name; empty where a run cannot have one."""
    matrix, validated = matrix_of(run), validation_accuracy_of(run)
    epsilon, (sent, _), (wall, _) = epsilon_of(run), bytes_of(run), seconds_of(run)
    return (
        ("Accuracy", percent(accuracy_of(run))),
        ("Validation accuracy", "" if validated is None else percent(validated)),
        ("Average accuracy", "" if matrix is None else percent(matrix.average_accuracy)),
        ("Forgetting", "" if matrix is None or matrix.forgetting is None else percent(matrix.forgetting)),
        ("ε", "no bound" if epsilon is None else f"{significant(epsilon)}{at_delta(run)}"),
        ("Rounds with single updates seen", _share_seen(run)),
        ("Uploaded", size(sent)),
        ("Time", duration(wall)),
    )


def accuracy_of(run: Run) -> float | None:
    """The final accuracy; of a run cut short, the last one measured."""
    stated = run.summary.finite("accuracy")
    if stated is not None:
        return stated
    return next((one.accuracy for one in reversed(run.rounds) if one.accuracy is not None), None)


def without_learning(run: Run) -> str:
    """What accuracy takes no learning, as a clause; empty where nothing is known of the classes."""
    stated = run.summary.finite("majority")
    if stated is None:
        stated = next((one.majority for one in reversed(run.rounds) if one.majority is not None), None)
    if stated is not None and 0 < stated <= 1:
        return f"always saying the most common class gives {percent(stated)}"
    # A run of an earlier version does not say how its test records are spread over the classes.
    count = len(run.classes)
    return f"guessing among {count} classes gives {percent(1 / count)}" if count > 1 else ""


def validation_accuracy_of(run: Run) -> float | None:
    """The accuracy on the records held out to choose settings by, of a finished run that has such."""
    stated = run.summary.finite("validation_accuracy")
    return stated if stated is not None and 0 <= stated <= 1 else None


def epsilon_of(run: Run) -> float | None:
    """The largest epsilon of any client, infinite where nothing bounds it, None without privacy."""
    stated = run.summary.inner("epsilon").number("max")
    if stated is not None:
        return stated
    return run.most_exposed[1] if run.most_exposed else None


def bytes_of(run: Run) -> tuple[int, int]:
    """Bytes the clients uploaded and downloaded in the whole run."""
    sent, received = (run.summary.finite(key) for key in ("sent_bytes", "received_bytes"))
    return (
        int(sent) if sent is not None else sum(one.sent_bytes for one in run.rounds),
        int(received) if received is not None else sum(one.received_bytes for one in run.rounds),
    )


def seconds_of(run: Run) -> tuple[float, float]:
    """Seconds the whole run took by the clock, and the clients' own seconds added up, which can be more."""
    wall, train = (run.summary.finite(key) for key in ("wall_seconds", "train_seconds"))
    return (
        wall if wall is not None else sum(one.seconds for one in run.rounds),
        train if train is not None else sum(one.train_seconds for one in run.rounds),
    )


def at_delta(run: Run) -> str:
    """Which delta an epsilon goes with, to stand behind it; empty where none is known."""
    return f" at {equals('δ', stated(run.delta))}" if run.delta is not None else ""


def whose_record(run: Run) -> str:
    """What the guarantee hides, in plain words."""
    return "one client with all its records" if run.unit == "client" else "any one record"


def _accuracy(run: Run) -> Figure | None:
    accuracy = accuracy_of(run)
    if accuracy is None:
        return None
    records = run.manifest.inner("dataset").count("test_records")
    counted = records and all_have_come(run)
    tested = f"Of {number_of(records, 'test record')}, {round(accuracy * records):,} are" if counted else "Test records"
    share = "" if counted else ", by share"
    come = "" if all_have_come(run) else " of the experiences that have come"
    baseline = without_learning(run)
    beside = f" {baseline[0].upper()}{baseline[1:]}." if baseline else ""
    meaning = f"{tested}{come} classified correctly{share}.{beside}{_fallen(run, accuracy)}"
    return Figure("Accuracy", percent(accuracy), meaning)


def _validation(run: Run) -> Figure | None:
    accuracy = validation_accuracy_of(run)
    if accuracy is None:
        return None
    meaning = (
        "On records that are neither trained nor tested on. Settings are chosen by this one, so that the accuracy on "
        "the test records has no part in the choice and stays honest."
    )
    return Figure("Validation accuracy", percent(accuracy), meaning)


def _fallen(run: Run, accuracy: float) -> str:
    # Before the last experience came there were fewer to be right about.
    comparable = [one for one in run.rounds if one.experience == run.rounds[-1].experience]
    best = max(comparable, key=lambda one: one.accuracy or 0.0, default=None)
    if best is None or best.accuracy is None or best.accuracy - accuracy < _WORTH_TELLING:
        return ""
    return f" It has fallen: round {best.round} had {percent(best.accuracy)}."


def _epsilon(run: Run) -> Figure:
    epsilon = epsilon_of(run)
    if epsilon is None:
        meaning = (
            "ε bounds how much anyone can learn about a single record. This run used no differential privacy, so "
            "nothing bounds what its model gives away."
        )
        return Figure("Privacy spent, ε", "no bound", meaning)
    if math.isinf(epsilon):
        meaning = "No finite ε holds: data were used without noise, so nothing bounds what was given away."
        return Figure("Privacy spent, ε", "∞", meaning)
    delta = f", plus {equals('δ', stated(run.delta))}" if run.delta is not None else ""
    meaning = (
        f"Whether {whose_record(run)} was used changes the probability of anything that could come out by a factor "
        f"of at most {equals('e^ε', factor(epsilon))}{delta}. Smaller is more private; 0 would give nothing away."
        f"{_for_whom(run)}"
    )
    return Figure("Privacy spent, ε", significant(epsilon), meaning)


def _for_whom(run: Run) -> str:
    if not run.manifest.text("stamp"):
        return ""
    return (
        " It holds only against those who do not know the seed, and this page shows the seed. The same run with "
        'privacy.noise_source = "system" promises it against the server and the other clients, too.'
    )


def _single_updates(run: Run) -> Figure | None:
    if not run.rounds:
        return None
    meaning = (
        "In so many rounds the server could read what a single client sent. An update can give away the records it was "
        "trained on; a sum over many clients at least does not show whose they were."
    )
    return Figure("Rounds with single updates seen", _share_seen(run), meaning)


def _share_seen(run: Run) -> str:
    return f"{sum(one.updates_seen for one in run.rounds):,} of {len(run.rounds):,}"


def _forgetting(run: Run) -> Figure | None:
    forgetting = run.summary.finite("forgetting")
    if forgetting is None:
        return None
    meaning = "How far accuracy on earlier experiences has fallen, on average, from its best to the end of the run."
    return Figure("Forgetting", percent(forgetting), meaning)


def _backdoor(run: Run) -> Figure | None:
    measured = [one for one in run.rounds if one.backdoor is not None]
    if not measured:
        return None
    most = max(measured, key=lambda one: one.backdoor or 0.0)
    meaning = (
        "Test records of other classes that the trigger turns into its target, by share, at the end. "
        f"Round {most.round} had {percent(most.backdoor)}, the most."
    )
    return Figure("Success of the backdoor", percent(measured[-1].backdoor), meaning)


def _bytes(run: Run) -> Figure:
    sent, received = bytes_of(run)
    meaning = f"All that the clients sent{_by_each(run)}. They downloaded {size(received)}."
    return Figure("Uploaded", size(sent), meaning)


def _by_each(run: Run) -> str:
    """What a client sent in a round, the mean over those in which it sent an update; empty where nobody did."""
    sent = [report.sent_bytes for one in run.rounds for report in one.reports.values() if not report.sent_nothing]
    if not sum(sent):
        return ""
    always = len(sent) == len(run.rounds) * len(run.clients)
    return f", {size(sum(sent) / len(sent))} a client and round{'' if always else ' in which it sent an update'}"


def _time(run: Run) -> Figure:
    wall, train = seconds_of(run)
    meaning = f"By the clock, from start to end. The clients' own work adds up to {duration(train)}."
    return Figure("Time", duration(wall), meaning)


def _model(run: Run) -> Figure | None:
    digest = run.summary.text("final_sha256")
    if not digest:
        return None
    meaning = (
        "The start of the SHA-256 of the final model's bytes."
        f"{' The same scenario, seed, versions and machine give it again.' if _repeatable(run) else ''}"
    )
    return Figure("Final model", digest[:10], meaning)


def _repeatable(run: Run) -> bool:
    # Without noise the seed decides everything; with it, only where the stamp says that the seed drew it too.
    return run.completed and (not run.manifest.inner("guarantee") or bool(run.manifest.text("stamp")))
