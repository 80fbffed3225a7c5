"""The scenario file, format 1, as pydantic classes, and the combinations that cannot work.

A `Scenario` is a frozen value: `model_dump(mode="json")` and `model_validate` are each other's inverse, so a
run directory holds all that a resumed run needs. `scenarios.source` reads files and names lines in refusals.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, ValidationError, model_serializer, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from privacy import fixed_point
from privacy.guarantees import Budget, DpSgd, NoPrivacy, PrivacyParameters
from privacy.parameters import Named, Parameters
from privacy.protections import Homomorphic, NoProtection, ProtectionParameters
from scenarios import timeline
from scenarios.audits import AuditParameters
from scenarios.datasets import DatasetParameters
from scenarios.events import EventParameters
from scenarios.learners import LearnerParameters, Naive
from scenarios.models import ModelParameters
from scenarios.partitions import Iid, PartitionParameters
from scenarios.rules import FedAvg, RuleParameters
from scenarios.sampling import AllSampling, FixedSampling, PoissonSampling, SamplingParameters
from scenarios.streams import StreamParameters
from scenarios.values import counted

__all__ = [
    "AllSampling",
    "Budget",
    "Data",
    "DpSgd",
    "FedAvg",
    "Federation",
    "FixedSampling",
    "NoPrivacy",
    "PoissonSampling",
    "Scenario",
    "Training",
    "sha256",
]


class Data(Parameters):
    """Which records there are, how they are divided among the clients, and what shares are held back."""

    dataset: DatasetParameters
    """The records."""
    partition: Annotated[PartitionParameters, Named] = Iid()
    """Who holds which of the records that are left to train on."""
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The share of all records that the server holds back to measure accuracy on."""
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of the rest that the server holds back to choose settings by."""

    @model_serializer(mode="wrap")
    def _without_what_is_not_there(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Leave a validation split that is none out, so that such scenarios keep the hash they always had."""
        values: dict[str, object] = handler(self)
        if not self.validation_fraction:
            del values["validation_fraction"]
        return values


class Federation(Parameters):
    """How many clients there are, who is asked in a round, and how many must answer."""

    clients: Annotated[int, Field(ge=1, le=10_000)]
    """How many clients there are; they are numbered from 0."""
    rounds: Annotated[int, Field(ge=1, le=100_000)]
    """How many rounds the run has; they are numbered from 1."""
    sampling: Annotated[SamplingParameters, Named] = AllSampling()
    """Who is asked in a round."""
    quorum: Annotated[int, Field(ge=1)] = 1
    """The fewest usable updates of a round; with fewer the run fails."""
    rule: Annotated[RuleParameters, Named] = FedAvg()
    """How a round's updates become the next model."""

    @property
    def largest_cohort(self) -> int:
        """The most clients that one round can have."""
        return min(self.clients, self.sampling.count) if isinstance(self.sampling, FixedSampling) else self.clients


class Training(Parameters):
    """What a client does with its records in one round."""

    epochs: Annotated[int, Field(ge=1)] = 1
    """Passes of a client over its records in one round."""
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Records a step; under DP-SGD on average, since each record is drawn by itself."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    """The step size of stochastic gradient descent."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of the last step's velocity that the next one keeps; it begins at zero in every round."""


class Scenario(Parameters):
    """One experiment, whole: the same scenario gives the same bits."""

    format: Literal[1]
    """The version of the format."""
    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            description="at most 64 letters, digits, '-', '_' and '.', the first a letter or digit",
        ),
    ]
    """What the run is called; by default its directory is `runs/NAME`."""
    question: str = ""
    """What the run is to answer, in words; the report begins with it."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """What all that is random follows from, but for noise from the operating system."""
    data: Data
    """Which records there are and how they are divided."""
    model: Annotated[ModelParameters, Named]
    """What is trained."""
    federation: Federation
    """How many clients and rounds there are, and who takes part in them."""
    training: Training = Training()
    """What a client does in one round."""
    stream: StreamParameters | None = None
    """What data arrive when; left out, all are there from the first round."""
    learner: Annotated[LearnerParameters, Named] = Naive()
    """How clients learn while data come and go."""
    privacy: Annotated[PrivacyParameters, Named] = NoPrivacy()
    """What is promised to each record."""
    protection: Annotated[ProtectionParameters, Named] = NoProtection()
    """How updates are summed, and so who sees them."""
    event: Annotated[tuple[EventParameters, ...], Field(strict=False, max_length=1000)] = ()
    """What changes in the middle of the run, a `[[event]]` table each."""
    audit: Annotated[tuple[Annotated[AuditParameters, Named], ...], Field(strict=False, max_length=20)] = ()
    """What `fedcrucible audit` tries against the finished run, an `[[audit]]` table each."""

    @property
    def system_noise(self) -> bool:
        """Whether noise is drawn, and from the operating system's entropy, so that no seed gives it again."""
        return isinstance(self.privacy, DpSgd) and self.privacy.noise_source == "system"

    @model_validator(mode="after")
    def _can_work(self) -> Self:
        refusals = [
            InitErrorDetails(
                type=PydanticCustomError("conflict", "{reason}", {"reason": reason}),
                loc=tuple(int(part) if part.isdigit() else part for part in key.split(".")),
                input=None,
            )
            for key, reason in _conflicts(self)
        ]
        if refusals:
            raise ValidationError.from_exception_data("Scenario", refusals)
        return self


def sha256(scenario: Scenario) -> str:
    """Hash canonical JSON: keys sorted, defaults written out, so that comments and order do not count."""
    values = scenario.model_dump(mode="json")
    canonical = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _conflicts(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Keys that are right alone and cannot work together, each with the reason."""
    federation, sampling = scenario.federation, scenario.federation.sampling
    clients = federation.clients
    if isinstance(sampling, FixedSampling) and sampling.count > clients:
        yield "federation.sampling.count", f"{sampling.count} clients a round cannot be drawn from {clients}"
    if federation.quorum > federation.largest_cohort:
        yield (
            "federation.quorum",
            f"a quorum of {federation.quorum} is beyond the {counted(federation.largest_cohort, 'client')} of a round",
        )
    if isinstance(scenario.protection, Homomorphic) and federation.largest_cohort < 2:
        yield "protection", "the key holder refuses the sum of a single client, which is that client's update"
    if isinstance(scenario.protection, Homomorphic) and clients > fixed_point.MAX_CLIENTS:
        yield (
            "federation.clients",
            f"homomorphic sums are exact for {fixed_point.MAX_CLIENTS} clients, not for {clients}",
        )
    if isinstance(scenario.protection, Homomorphic) and scenario.protection.key_holder >= clients:
        yield (
            "protection.key_holder",
            f"there is no client {scenario.protection.key_holder}; they are numbered from 0 to {clients - 1}",
        )
    streamed = scenario.stream
    if streamed is not None and streamed.first_round(streamed.experiences) > federation.rounds:
        yield (
            "stream.experiences",
            f"experience {streamed.experiences} would begin in round {streamed.first_round(streamed.experiences)}, "
            f"and the run has {federation.rounds}",
        )
    yield from scenario.learner.refusals(scenario)
    yield from timeline.conflicts(scenario)
    for number, audit in enumerate(scenario.audit):
        yield from ((f"audit.{number}.{key}", reason) for key, reason in audit.refusals(scenario))
