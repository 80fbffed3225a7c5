"""The forecast: what the clients' own policy will admit in the planned rounds, without training and without noise.

A client's ledger depends on nothing but what it is asked for and what its policy admits, so each client's life is
played by itself, and clients that are alike share one. While a ledger grows the policy admits nothing that it refused
before, so of equal tasks in a row the one at which its answer changes is found by bisection.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain, repeat

from clients import policy
from privacy import ledger
from privacy.errors import BudgetSpent
from privacy.ledger import Ledger
from privacy.steps import PrivateSteps
from scenarios.schema import DpSgd, Scenario
from scenarios.timeline import tasks_at
from scenarios.values import counted
from scenarios.work import Work, private_steps
from scenarios.world import World
from server.rounds import statuses
from server.rounds.planning import Outlook


@dataclass(frozen=True)
class Answer:
    """What becomes of one task of one client: `admitted` are the steps that it takes, None where it takes none.

    It takes none where its policy refuses, and where it is lost before it trains: `lost` says how the scenario loses
    the client, if it does.
    """

    asked: PrivateSteps
    admitted: PrivateSteps | None
    lost: str | None = None

    @property
    def status(self) -> str:
        """The journal's word for it."""
        if self.lost is not None:
            return "dropped"
        return "retired" if self.admitted is None else "trained"

    @property
    def left_out(self) -> tuple[str, ...]:
        """The segments that cannot pay: all of a client that is refused, none of one that is lost before training."""
        if self.lost == "before-training":
            return ()
        paid = () if self.admitted is None else self.admitted.segments
        return tuple(name for name in self.asked.segments if name not in paid)

    def adds(self, released: AbstractSet[str]) -> bool:
        """Whether more than zeros came: what is only to be taken back must be among the segments `released` before."""
        paid = self.admitted is not None and self.admitted.charges
        return bool(paid) or not released.isdisjoint(self.asked.taken_back)


Answers = Mapping[int, Answer]
"""The answers to one task, by client in ascending order."""


@dataclass(frozen=True)
class Ending:
    """The round that will be the last although more are planned, and why: a budget stops the run, or it `fails`."""

    round: int
    reason: str
    fails: bool


@dataclass(frozen=True)
class Forecast:
    """The tasks of each round, from round 1 on, that will be asked for, with the answers; the last is that of `ending`.

    `clients` is how many there are.
    """

    clients: int
    rounds: tuple[tuple[Answers, ...], ...]
    ending: Ending | None

    def reaches(self, round_: int) -> bool:
        """Whether the run will come to this round."""
        return round_ <= len(self.rounds)

    def answers(self, round_: int, place: int) -> Answers:
        """The answers to one of a round's tasks, by its place among them; none where the run does not come to it."""
        tasks = self.rounds[round_ - 1] if self.reaches(round_) else ()
        return tasks[place] if place < len(tasks) else {}

    def trains(self, round_: int) -> list[int]:
        """Who does anything in a round, ascending."""
        return sorted(
            {
                client
                for answers in self.rounds[round_ - 1]
                for client, answer in answers.items()
                if answer.admitted is not None
            }
        )

    def retired(self, round_: int) -> list[int]:
        """Whose policy refuses the first thing it is asked for in a round, and who is there to say so, ascending."""
        return sorted(client for client, status in self.statuses(round_).items() if status == "retired")

    def statuses(self, round_: int) -> dict[int, str]:
        """The journal's word for each client's part in a round: that of the first task that it was asked for."""
        first: dict[int, str] = {}
        for answers in self.rounds[round_ - 1]:
            first = {**_statuses(answers), **first}
        return first

    def skipping(self, round_: int) -> list[int]:
        """Who trains in a round and cannot pay for what it is asked for after that, ascending."""
        first, *later = self.rounds[round_ - 1]
        return sorted(
            client
            for answers in later
            for client, answer in answers.items()
            if answer.status == "retired" and client in first and first[client].admitted is not None
        )

    def consolidated(self, round_: int, least: int) -> bool:
        """Whether in any round before this one at least so many could pay for saying what mattered to an experience."""
        later = (answers for tasks in self.rounds[: round_ - 1] for answers in tasks[1:])
        return any(sum(one.status == "trained" for one in answers.values()) >= least for answers in later)

    def left_out(self, round_: int) -> dict[str, list[int]]:
        """The segments that cannot pay for a round's first task, each with the clients whose it is, ascending."""
        first, *_ = self.rounds[round_ - 1]
        found: dict[str, list[int]] = {}
        for client, answer in first.items():
            for name in answer.left_out:
                found.setdefault(name, []).append(client)
        return found

    def spending(self) -> Iterator[Mapping[int, Ledger]]:
        """What each client will have spent after each round, as the run's journal will say: one mapping that grows.

        Whoever is lost is taken for having spent all that it was asked for until it is heard again.
        """
        own: dict[int, Ledger] = dict.fromkeys(range(self.clients), ())
        known = dict(own)
        for tasks in self.rounds:
            for answers in tasks:
                for client, answer in answers.items():
                    asked = answer.asked.charges
                    if asked and answer.admitted is not None:
                        own[client] = ledger.add_all(own[client], answer.admitted.charges)
                    if asked:
                        known[client] = own[client] if answer.lost is None else ledger.add_all(known[client], asked)
            yield known

    def ledgers(self) -> Mapping[int, Ledger]:
        """What each client will have spent at the end."""
        *_, last = self.spending()
        return last


def forecast(outlook: Outlook, noise: Mapping[int, float]) -> Forecast | None:
    """Play the planned run by the clients' policy; None without differential privacy.

    `noise` is that of `planning.noise_by_client`. What only training can tell is not foreseen: a model that diverges,
    updates that are rejected, attempts that are interrupted.
    """
    scenario = outlook.scenario
    if not isinstance(scenario.privacy, DpSgd):
        return None
    known: dict[tuple[Work, float], PrivateSteps] = {}
    released: dict[int, set[str]] = {client: set() for client in range(len(outlook.holdings))}
    asked = [list(_tasks(outlook, noise, round_, known)) for round_ in range(1, scenario.federation.rounds + 1)]
    lives = _lives(outlook, asked)
    rounds: list[tuple[Answers, ...]] = []
    for number, tasks in enumerate(asked, start=1):
        answers: list[Answers] = []
        for task in tasks:
            answers.append({client: _answer(steps, lost, lives[client]) for client, (steps, lost) in task.items()})
            failure = _failure(scenario, answers[-1], released)
            if failure:
                return Forecast(len(outlook.holdings), (*rounds, tuple(answers)), Ending(number, failure, fails=True))
            for client, answer in () if scenario.learner.repeats else answers[-1].items():
                released[client].update(() if answer.admitted is None else answer.admitted.segments)
        rounds.append(tuple(answers))
        reason = statuses.reason_to_stop(scenario, map(_statuses, answers))
        if reason and number < len(asked):
            return Forecast(len(outlook.holdings), tuple(rounds), Ending(number, reason, fails=False))
    return Forecast(len(outlook.holdings), tuple(rounds), None)


Asked = Mapping[int, tuple[PrivateSteps, str | None]]
"""What a task asks of its cohort, each with how the client is lost to the round, if it is."""

Stretch = tuple[PrivateSteps, float | None, int]
"""The same steps asked of a client under the same budget, so many times in a row."""


def _tasks(
    outlook: Outlook, noise: Mapping[int, float], round_: int, known: dict[tuple[Work, float], PrivateSteps]
) -> Iterator[Asked]:
    """What a round's tasks ask; the same object for the same work under the same noise."""
    lost = outlook.lost(round_)
    for task in tasks_at(outlook.scenario, round_):
        asked = {}
        for client, work in outlook.cohort(round_, task).items():
            key = work, noise[client]
            if key not in known:
                steps = private_steps(outlook.scenario, *key)
                assert steps is not None
                known[key] = steps
            asked[client] = known[key], lost.get(client)
        yield asked


def _lives(outlook: Outlook, asked: Sequence[Sequence[Asked]]) -> dict[int, Iterator[PrivateSteps | None]]:
    """What each client's policy admits of its tasks, one after another; those that it is lost to are left out."""
    stretches: dict[int, list[Stretch]] = {client: [] for client in range(len(outlook.holdings))}
    budgets = [outlook.world(round_).budget for round_ in range(1, len(asked) + 1)]
    for budget, tasks in zip(budgets, asked, strict=True):
        for task in tasks:
            for client, (steps, lost) in task.items():
                if lost != "before-training":
                    _lengthen(stretches[client], steps, budget)
    played: dict[tuple[Stretch, ...], list[tuple[PrivateSteps | None, int]]] = {}
    lives: dict[int, Iterator[PrivateSteps | None]] = {}
    for client, own in stretches.items():
        alike = tuple(own)
        if alike not in played:
            played[alike] = list(_life(outlook, alike))
        lives[client] = chain.from_iterable(repeat(admitted, times) for admitted, times in played[alike])
    return lives


def _lengthen(stretches: list[Stretch], steps: PrivateSteps, budget: float | None) -> None:
    if stretches and stretches[-1][1] == budget and (stretches[-1][0] is steps or stretches[-1][0] == steps):
        stretches[-1] = (*stretches[-1][:2], stretches[-1][2] + 1)
    else:
        stretches.append((steps, budget, 1))


def _life(outlook: Outlook, stretches: Sequence[Stretch]) -> Iterator[tuple[PrivateSteps | None, int]]:
    """What a client's policy admits, and how many times in a row the same."""
    kept: Ledger = ()
    for steps, budget, times in stretches:
        play, left = _Policy(outlook.scenario, replace(outlook.world(1), budget=budget), steps), times
        while left:
            admitted = play.admitted(kept)
            alike = left if admitted is None else play.alike(kept, admitted, left)
            yield admitted, alike
            kept, left = kept if admitted is None else _spent(kept, admitted, alike), left - alike


@dataclass(frozen=True)
class _Policy:
    """A client's policy where it is asked for these steps. Of the world it looks at the budget alone."""

    scenario: Scenario
    world: World
    steps: PrivateSteps

    def admitted(self, kept: Ledger) -> PrivateSteps | None:
        """What it admits with this ledger."""
        try:
            return policy.admit(self.scenario, self.world, self.steps, kept)[1]
        except BudgetSpent:
            return None

    def alike(self, kept: Ledger, admitted: PrivateSteps, most: int) -> int:
        """How many times in a row, of so many, it admits the same; at least once."""

        def again(times: int) -> bool:
            return policy.affords(self.scenario, self.world, admitted, _spent(kept, admitted, times))

        times, reach = 1, 2
        while reach < most and again(reach - 1):  # far beyond the limit it takes longest to say no
            times, reach = reach, 2 * reach
        high = min(reach, most)
        if again(high - 1):
            return high
        while high - times > 1:
            middle = (times + high) // 2
            times, high = (middle, high) if again(middle - 1) else (times, middle)
        return times


def _spent(kept: Ledger, admitted: PrivateSteps, times: int) -> Ledger:
    return ledger.add_all(kept, (replace(charge, steps=charge.steps * times) for charge in admitted.charges))


def _answer(steps: PrivateSteps, lost: str | None, life: Iterator[PrivateSteps | None]) -> Answer:
    return Answer(steps, None if lost == "before-training" else next(life), lost)


def _statuses(answers: Answers) -> dict[int, str]:
    """The journal's word for each client's part in a task."""
    return {client: answer.status for client, answer in answers.items()}


def _failure(scenario: Scenario, answers: Answers, released: Mapping[int, AbstractSet[str]]) -> str:
    """Why the run fails at a task with these answers; empty where it goes on. Before it so much was released."""
    came = [client for client, answer in answers.items() if answer.status == "trained"]
    if scenario.protection.hides_updates and sum(answers[client].adds(released[client]) for client in came) == 1:
        came = []  # the sum of a single client is not opened
    quorum = scenario.federation.quorum
    if len(came) >= quorum or statuses.nobody_left(scenario, _statuses(answers)):
        return ""
    return f"{counted(len(came), 'usable update')}, below the quorum of {quorum}"
