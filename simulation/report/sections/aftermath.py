"""What a timeline did to a run, in sentences: what unlearning achieved, who was lost or ran out."""

from collections import Counter
from collections.abc import Iterator

from simulation.report.files.run import Round, Run
from simulation.report.sections.budgets import Retired, retired, spent_by_segment
from simulation.report.sections.timeline import MOST_EXPERIENCES, Event, events, experiences, names_of
from simulation.report.wording import number_of, percent, significant

_WORTH_TELLING = 0.005
_MOST_TOLD = 3
_METHODS = {
    "rollback": "by rollback",
    "retrain": "by training anew",
    "subtract-statistics": "by subtraction of its statistics",
}


def what_became_of_backdoors(run: Run) -> Iterator[str]:
    """How often a planted backdoor succeeded before its clients went or were unlearned, and at the end."""
    measured = [one for one in run.rounds if one.backdoor is not None]
    planted = [one for one in events(run) if one.kind == "poison" and _is_backdoor(one)]
    if not measured or not planted:
        return
    last, first = measured[-1], planted[0]
    endings = _endings_of(run, first)
    before = [one for one in measured if endings and first.at <= one.round < endings[0].at]
    if not before:
        most = max((one for one in measured if one.round >= first.at), key=_success, default=last)
        yield f"The backdoor succeeded in {percent(_success(most))} at most, in {percent(_success(last))} at the end."
        return
    who, was = _who(run, first), _success(before[-1])
    for place, ending in enumerate(endings):
        until = endings[place + 1].at if place + 1 < len(endings) else None
        then = [one for one in measured if ending.at <= one.round and (until is None or one.round < until)]
        if not then:
            continue
        when = "at the end" if until is None else f"in round {then[-1].round}"
        how, moral = _way_out(ending)
        begun = f"The backdoor succeeded in {percent(was)} before {who}" if place == 0 else f"After {who}"
        joined = ", and in" if place == 0 else " it succeeded in"
        yield f"{begun} {how} in round {ending.at}{joined} {percent(_success(then[-1]))} {when}{moral}."


def _way_out(ending: Event) -> tuple[str, str]:
    """What became of those who planted a backdoor, and what is to be learned from it."""
    method = ending.fields.text("method")
    if ending.kind == "leave":
        return "left", ": leaving is not unlearning"
    if method == "keep-training":
        return "was taken out of training", ": training on without its data is not unlearning"
    return f"was unlearned {_METHODS.get(method, '')}".strip(), ""


def what_unlearning_did(run: Run) -> Iterator[str]:
    """What each unlearning cost in accuracy, and what it is not."""
    by_round = {one.round: one for one in run.rounds}
    for event in [one for one in events(run) if one.kind == "unlearn"][:_MOST_TOLD]:
        method, who = event.fields.text("method"), _who(run, event)
        if method == "keep-training":
            yield (
                f"From round {event.at} on the data of {who} are used no more, but what the model had learned from "
                "them is still in it."
            )
            continue
        before, then = by_round.get(event.at - 1), by_round.get(event.at)
        if before is None or then is None or not run.rounds:
            continue
        kept = [_on_what_had_come(before, one) for one in (before, then, run.rounds[-1])]
        if None not in kept:
            was, became, end = map(percent, kept)
            what = (
                "the mean of the accuracies on each experience that had begun before it"
                if before.by_experience
                else "the accuracy"
            )
            exact = (
                " The model is then as if these data had never been there, up to rounding."
                if method == "subtract-statistics"
                else ""
            )
            yield (
                f"Unlearning {who} {_METHODS.get(method, '')} took {what} from {was} to {became} in round {event.at}; "
                f"at the end it is {end}.{exact}"
            ).replace("  ", " ")
    if run.epsilon and any(one.kind == "unlearn" for one in events(run)):
        yield "What had been spent on unlearned data stays charged."


def what_replay_cost(run: Run) -> str:
    """How far using old records again raised their epsilon, for the client that spent most."""
    kind = run.scenario.inner("learner").text("kind")
    if kind not in ("replay", "cumulative") or run.most_exposed is None:
        return ""
    client, _ = run.most_exposed
    spent, own = spent_by_segment(run, client), run.clients[client].segments if client in run.clients else {}
    ends = {one.number: one.last for one in experiences(run)}
    if not spent:
        return ""
    dearest = max((one for one in spent if one.round == spent[-1].round), key=lambda one: one.epsilon)
    over = ends.get(own.get(dearest.segment, 0), run.last)
    before = [one for one in spent if one.segment == dearest.segment and one.round <= over]
    if not before or over == run.last or dearest.epsilon - before[-1].epsilon < _WORTH_TELLING:
        return ""
    return (
        f"Using old records again raised the ε of “{dearest.segment}” at {run.name_of(client)} from "
        f"{significant(before[-1].epsilon)}, when that experience was over, to {significant(dearest.epsilon)}."
    )


def who_ran_out(run: Run) -> Iterator[str]:
    """Which clients had no budget left before the end, which only for a while, and which data were used no more."""
    gone = retired(run)
    clients = {one.client: one.round for one in gone if not one.segment}
    paused = {client for one in run.rounds for client, report in one.reports.items() if report.status == "retired"}
    all_ = number_of(len(run.clients), "client")
    if clients:
        yield f"{len(clients)} of {all_} had no budget left before the end: {_from(list(clients.values()))}."
    if paused - set(clients):
        yield (
            f"{len(paused - set(clients))} of {all_} had nothing left for a while, until new data came or the budget "
            "was raised."
        )
    pieces = [one.round for one in gone if one.segment and one.client not in clients]
    if pieces:
        verb = "was" if len(pieces) == 1 else "were"
        count = number_of(len(pieces), "piece")
        yield f"{count} of clients' data {verb} used no more for want of budget: {_from(pieces)}."
        yield from _what_became_of_the_unused(run, [one for one in gone if one.segment and one.client not in clients])


def _what_became_of_the_unused(run: Run, pieces: list[Retired]) -> Iterator[str]:
    """The accuracy on each experience of which data are used no more: before the first of them went, and at the end."""
    by_round = {one.round: one.by_experience for one in run.rounds}
    first: dict[int, int] = {}
    for one in pieces:
        number = run.clients[one.client].segments.get(one.segment, 0) if one.client in run.clients else 0
        first[number] = min(one.round, first.get(number, one.round))
    told = []
    for place, name in enumerate(names_of(run, min(max(first), MOST_EXPERIENCES))):
        before, end = by_round.get(first.get(place + 1, 0) - 1, ()), by_round[run.last]
        shares = [shares[place] for shares in (before, end) if place < len(shares)]
        if len(shares) == 2 and None not in shares:
            told.append(f"on “{name}” from {percent(shares[0])} to {percent(shares[1])}")
    if told[:_MOST_TOLD]:
        yield f"From before the first of these went to the end accuracy went {', '.join(told[:_MOST_TOLD])}."


def who_was_lost(run: Run) -> str:
    """How many replies were lost or late, and what that means for epsilon."""
    statuses = Counter(report.status for one in run.rounds for report in one.reports.values())
    lost = statuses["dropped"]
    told = [f"{lost:,} {'was' if lost == 1 else 'were'} lost"] if lost else []
    told += [f"{statuses['late']:,} came late"] if statuses["late"] else []
    if not told:
        return ""
    charged = (
        " A client that is lost counts as having spent what it was asked for, until it reports again."
        if run.epsilon
        else ""
    )
    return f"Of {number_of(statuses.total(), 'request')} to clients {' and '.join(told)}.{charged}"


def what_labels_tell(run: Run) -> str:
    """What a label space that grows gives away, which no epsilon covers."""
    if run.scenario.inner("stream").text("label_space") != "observed":
        return ""
    return (
        "The model knows only classes that have come, so whoever sees it learns when each class was first held by "
        f"anybody{': the ε does not cover that' if run.epsilon else ''}."
    )


def _endings_of(run: Run, planted: Event) -> list[Event]:
    """The events with which those who planted a backdoor went or were unlearned; of one round the unlearning."""
    kinds, clients = ("leave", "unlearn"), set(planted.clients or ())
    after = [
        one for one in events(run) if one.kind in kinds and one.at > planted.at and clients & set(one.clients or ())
    ]
    by_round = {one.at: one for one in sorted(after, key=lambda one: (one.at, one.kind == "unlearn"))}
    return list(by_round.values())


def _is_backdoor(event: Event) -> bool:
    return event.fields.inner("attack").text("kind") == "backdoor"


def _who(run: Run, event: Event) -> str:
    names = [run.name_of(client) for client in event.clients or ()]
    return names[0] if len(names) == 1 else f"{names[0]} and {number_of(len(names) - 1, 'other')}" if names else "some"


def _success(one: Round) -> float:
    return one.backdoor or 0.0


def _on_what_had_come(before: Round, one: Round) -> float | None:
    """The mean accuracy on the experiences that had begun `before`; without a stream the accuracy."""
    if not before.by_experience:
        return one.accuracy
    shares = [value for value in one.by_experience[: before.experience] if value is not None]
    return sum(shares) / len(shares) if shares else None


def _from(rounds: list[int]) -> str:
    first, last = min(rounds), max(rounds)
    return f"from round {first}" if first == last else f"the first from round {first}, the last from {last}"
