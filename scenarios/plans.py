"""What the server asks of a client in a round: everything it needs, so that no client ever reads a scenario file."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from privacy.steps import PrivateSteps, planned_sampling
from scenarios.schema import DpSgd, Scenario

WHOLE_LIFE = "all"
"""The one segment of a client whose data are all there from the first round."""


@dataclass(frozen=True)
class Plan:
    """One client's work in one round.

    `scenario` is the scenario as canonical JSON, the same text for every client and round; `weight` the client's share
    of the cohort (the shares sum to 1); `noise_multiplier` is sigma / clip_norm, 0.0 without privacy;
    `interrupted` counts earlier attempts at this round whose noise may have been drawn and whose charge must be
    kept although their replies were lost.
    """

    run: str
    round: int
    client: int
    weight: float
    noise_multiplier: float
    interrupted: int
    scenario: str

    def to_fields(self) -> dict[str, str]:
        """For the wire: the client's own part as JSON, and the scenario, which is the same for all, beside it."""
        own = {name: value for name, value in vars(self).items() if name != "scenario"}
        return {"own": json.dumps(own), "scenario": self.scenario}

    @staticmethod
    def from_fields(fields: Mapping[str, object]) -> "Plan":
        """Read what `to_fields` wrote. Raises KeyError, TypeError or ValueError on anything else."""
        own: dict[str, Any] = json.loads(str(fields["own"]))
        return Plan(**own, scenario=str(fields["scenario"]))


@functools.lru_cache(maxsize=8)
def scenario_of(text: str) -> Scenario:
    """The scenario a plan carries; parsed once a process."""
    return Scenario.model_validate_json(text)


def private_steps(scenario: Scenario, records: int, noise_multiplier: float) -> PrivateSteps | None:
    """What DP-SGD one round asks of a client with this many records; None without differential privacy."""
    if not isinstance(scenario.privacy, DpSgd):
        return None
    training = scenario.training
    rate, steps = planned_sampling(records, training.batch_size, training.epochs)
    return PrivateSteps(
        segment=WHOLE_LIFE,
        steps=steps,
        sampling_rate=rate,
        noise_multiplier=noise_multiplier,
        clip_norm=scenario.privacy.clip_norm,
        learning_rate=training.learning_rate,
        momentum=training.momentum,
    )
