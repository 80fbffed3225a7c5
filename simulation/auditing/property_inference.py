"""Property inference on the updates of a run's first round, by the server that receives them.

The attacker has what an honest-but-curious server has: the model that the run began with, the scenario, and the
held-out records, of which it makes clients to learn from. It is tried on clients made anew of the records of the run's
own, and then on those themselves. The first round is the one before which nobody else has taught the model anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from clients import training
from clients.jobs import Job
from privacy.audits import property_inference
from privacy.audits.property_inference import Direction
from privacy.audits.separation import Floats, separation
from privacy.findings import Finding
from privacy.guarantees import DpSgd
from scenarios.audits import PropertyInference
from scenarios.records import records_of
from scenarios.schema import Scenario
from server.rounds import planning
from simulation.auditing.shadow_clients import Property, ShadowClients, train_shadow_clients
from simulation.auditing.shadows import first_jobs
from simulation.auditing.subject import Subject

_QUIET = 1e-3
"""The noise multiplier of the attacker's own clients: what noise adds is nothing to learn from."""


@dataclass(frozen=True, eq=False)
class _Trial:
    """Everything that the findings are made from."""

    parameters: PropertyInference
    scenario: Scenario
    jobs: Mapping[int, Job]
    asked: Property
    label: str
    direction: Direction
    tried: ShadowClients

    @property
    def scores(self) -> Floats:
        """float64[n] of the shadow clients it is tried on."""
        return property_inference.scores(self.direction, self.tried.updates)

    @property
    def choice(self) -> str:
        """What is to be told apart, in words."""
        few, many = self.asked.shares
        return f"whether {many:.0%} or {few:.0%} of a client's records are of class {self.label!r}"

    def finding(self, statement: str, figure: str, value: float | None, facts: Mapping[str, object]) -> Finding:
        """A finding without an interval. None contradicts a promise: no guarantee of a run is about properties."""
        return Finding(
            kind="property-inference",
            statement=statement,
            figure=figure,
            value=value,
            facts={
                "label": self.label,
                "shares": list(self.asked.shares),
                "round": 1,
                "shadows": self.parameters.shadows,
                **facts,
            },
            seed=self.scenario.seed,
            made_by="privacy.audits.property_inference.scores",
        )


def findings(parameters: PropertyInference, subject: Subject) -> list[Finding]:
    """How well the two kinds of clients are told apart, and how near the run's own clients' shares are guessed.

    Where the server sees no single update, one finding says what the sum tells. Raises ValueError for a label that
    there is not, for shares that no client can have, and where round 1 asks nobody or updates would fill memory.
    """
    scenario = subject.scenario
    trial = _tried(parameters, scenario)
    if scenario.protection.hides_updates:
        return [_of_the_sum(trial)]
    return [_of_an_update(trial), _of_the_clients(trial)]


def _tried(parameters: PropertyInference, scenario: Scenario) -> _Trial:
    """Learn from clients of held-out records, and train those of the clients' records to be tried on."""
    records, cohort = records_of(scenario), planning.outlook_of(scenario).cohort(1, "train")
    jobs = {client: job for client, job in first_jobs(scenario).items() if client in cohort}
    if not jobs:
        raise ValueError("round 1 asks nobody, so it shows nothing")
    classes, division = records.dataset.classes, records.division
    label = classes[0] if parameters.label is None else parameters.label
    for key, reason in parameters.conflicts(classes):
        raise ValueError(f"{key}: {reason}")
    asked = Property(parameters.shares, records.dataset.labels == classes.index(label))
    quiet = {client: _quietly(job) for client, job in jobs.items()}
    held_out, theirs = np.concatenate([division.test, division.validation]), np.concatenate(division.train)
    lessons = train_shadow_clients(quiet, held_out, asked, parameters.shadows, (scenario.seed, "held out"))
    direction = property_inference.learn(lessons.updates, lessons.has_many)
    tried = train_shadow_clients(jobs, theirs, asked, parameters.shadows, (scenario.seed, "of the clients"))
    return _Trial(parameters, scenario, jobs, asked, label, direction, tried)


def _quietly(job: Job) -> Job:
    return job if job.private is None else replace(job, private=replace(job.private, noise_multiplier=_QUIET))


def _of_an_update(trial: _Trial) -> Finding:
    """How well single updates are told apart."""
    found = separation(trial.scores, trial.tried.has_many, trial.parameters.confidence, ())
    guessing = found.low <= 0.5
    told = trial.finding(
        f"From one client's update of round 1 a server that looks {'cannot tell' if guessing else 'tells'} "
        f"{trial.choice}: AUC {found.auc:.3f} ({trial.parameters.confidence:.0%} interval {found.low:.3f} to "
        f"{found.high:.3f}, 0.5 is guessing) over {trial.parameters.shadows} clients made of the run's records; "
        f"it learned from others. {_protected(trial.scenario, guessing)} A better attacker may do better.",
        "AUC of a client's property from its update",
        found.auc,
        {"sees": "the single updates of round 1, the model before it, and held-out records of the same source"},
    )
    return replace(told, low=found.low, high=found.high, confidence=trial.parameters.confidence)


def _protected(scenario: Scenario, guessing: bool) -> str:
    """What the run's guarantee has to do with it."""
    needed = "that takes differential privacy of whole clients, or that no single update is seen"
    if not isinstance(scenario.privacy, DpSgd):
        return f"Nothing in this run prevents it: {needed}."
    words = "Record-level differential privacy protects a record, not what holds of the client as a whole"
    way = " Here its noise is in this attacker's way." if guessing else ""
    return f"{words}: {needed}.{way}"


def _of_the_sum(trial: _Trial) -> Finding:
    """What is left where no single update is seen: cohorts of the run's size, of which only the sum is looked at."""
    weights = np.array([len(job.records) for job in trial.jobs.values()], np.float64)
    cohorts, clients = len(trial.scores) // len(weights), len(weights)
    nothing = "There is nothing to look at: under this run's protection no single update is in the server's view. "
    figure, facts = "AUC of one client's property from the cohort's sum", {"sees": "sums", "cohorts": cohorts}
    if cohorts < 2:
        said = "What the sum tells of the cohort was not tried: that takes at least twice as many shadows as clients."
        return trial.finding(nothing + said, figure, None, facts)
    sums = trial.scores[: cohorts * clients].reshape(cohorts, clients) @ (weights / weights.sum())
    has_many = trial.tried.has_many[: cohorts * clients].reshape(cohorts, clients)
    together = property_inference.rank_correlation(sums, has_many @ weights)
    area = separation(np.repeat(sums, clients), has_many.ravel(), trial.parameters.confidence, ()).auc
    return trial.finding(
        f"{nothing}The sum still tells what holds of the cohort: over {cohorts} cohorts of {clients} clients what the "
        f"attack makes of it goes with their share of class {trial.label!r} with a rank correlation of {together:.2f}. "
        f"Of one of them, with nothing known of the others, it tells {trial.choice} with AUC {area:.3f} (0.5 is "
        "guessing); with few clients, or where the others are known, a sum hides little.",
        figure,
        area,
        {**facts, "rank_correlation_with_the_cohort": together},
    )


def _of_the_clients(trial: _Trial) -> Finding:
    """The share guessed for each of the run's clients of round 1 beside its true one."""
    asked, (few, many) = list(trial.jobs.values()), trial.asked.shares
    scores = property_inference.scores(trial.direction, np.stack(training.train(asked)))
    guessed = few + (many - few) * scores
    true = np.array([trial.asked.of_class[job.records].mean() for job in asked])
    error = float(np.abs(guessed - true).mean())
    ranks = property_inference.rank_correlation(guessed, true)
    return trial.finding(
        f"For the run's own {len(asked)} clients of round 1, whose updates are made again, it guesses the share of "
        f"class {trial.label!r} wrong by {100 * error:.1f} percentage points on average, where the true shares are "
        f"{true.min():.1%} to {true.max():.1%}; the rank correlation of guessed and true shares is {ranks:.2f}.",
        "mean error of the guessed share of the run's clients",
        error,
        {
            "clients": [job.client for job in asked],
            "guessed": guessed.tolist(),
            "true": true.tolist(),
            "rank_correlation": ranks,
        },
    )
