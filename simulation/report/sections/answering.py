"""The answer to a scenario's question, from a run's figures alone, in the sentences that open its report."""

import math

from simulation.report.files.run import Run
from simulation.report.sections import aftermath, attacked, evidence, keeping
from simulation.report.sections.budgets import caps
from simulation.report.sections.figures import accuracy_of, at_delta, bytes_of, epsilon_of, without_learning
from simulation.report.sections.timeline import all_have_come
from simulation.report.wording import equals, number_of, percent, significant, size, stated


def answer(run: Run) -> tuple[str, ...]:
    """The answer to the scenario's question as sentences, from the figures alone."""
    return tuple(
        sentence
        for sentence in (
            _how_it_ended(run),
            _how_accurate(run),
            keeping.how_it_met_what_came(run),
            keeping.what_was_forgotten(run),
            keeping.what_statistics_keep(run),
            *keeping.what_drift_did(run),
            *aftermath.what_became_of_backdoors(run),
            *aftermath.what_unlearning_did(run),
            _how_private(run),
            *evidence.sentences(run),
            *attacked.sentences(run),
            aftermath.what_replay_cost(run),
            *aftermath.who_ran_out(run),
            aftermath.who_was_lost(run),
            aftermath.what_labels_tell(run),
            _what_was_seen(run),
        )
        if sentence
    )


def _how_it_ended(run: Run) -> str:
    planned = run.scenario.inner("federation").count("rounds")
    done = len(run.rounds)
    if run.completed:
        stopped = run.rounds[-1].stopped if run.rounds else ""
        return f"The run stopped after round {run.last} of {planned}: {stopped}." if stopped else ""
    of_planned = f" of {planned}" if planned else ""
    return f"The run did not finish; what follows is known from {number_of(done, 'round')}{of_planned}."


def _how_accurate(run: Run) -> str:
    accuracy = accuracy_of(run)
    if accuracy is None:
        return "No round was evaluated."
    after = f"After {number_of(len(run.rounds), 'round')} with {number_of(len(run.clients), 'client')}"
    tested = "the test records" if all_have_come(run) else "those test records whose experience has come"
    baseline = without_learning(run)
    where = f", where {baseline}" if baseline else ""
    return f"{after} the model classifies {percent(accuracy)} of {tested} correctly{where}."


def _how_private(run: Run) -> str:
    epsilon = epsilon_of(run)
    if epsilon is None or math.isinf(epsilon):
        return "Nothing bounds what this gives away about a record." if epsilon is None else "No finite ε holds for it."
    spent = equals("ε", significant(epsilon))
    limits = caps(run)
    if limits:
        at_first = f" ({stated(limits[0][1])} at first)" if len(limits) > 1 else ""
        spent += f" of a budget of {stated(limits[-1][1])}{at_first}"
    spent += f",{at_delta(run)}" if run.delta is not None else ""
    known = ", and nothing against those who know the seed, the server and every client among them"
    unless = known if run.manifest.text("stamp") else ""
    cut_short = "" if run.completed else " What a round that was cut short has cost may come on top."
    return f"It promises {_whose_records(run)} {spent}{unless}.{cut_short}"


def _whose_records(run: Run) -> str:
    spent = run.epsilon.values()
    of = "" if run.unit == "client" else "the records of "
    if run.most_exposed is None or len(set(spent)) == 1:
        return f"{of}every client"
    return f"{of}{run.name_of(run.most_exposed[0])}, the most exposed client,"


def _what_was_seen(run: Run) -> str:
    if not run.rounds:
        return ""
    seen = sum(one.updates_seen for one in run.rounds)
    sent, _ = bytes_of(run)
    upload = f"the clients uploaded {size(sent)}"
    if seen == 0:
        return f"If all kept to the protocol, the server saw sums and never a single client's update; {upload}."
    often = "in every round" if seen == len(run.rounds) else f"in {seen} of {number_of(len(run.rounds), 'round')}"
    return f"The server could read single clients' updates {often}; {upload}."
