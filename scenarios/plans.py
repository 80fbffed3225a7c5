"""What the server asks of a client in a round: everything it needs, so that no client ever reads a scenario file."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scenarios.learners import Task
from scenarios.schema import Scenario
from scenarios.timeline import world_at
from scenarios.world import World


@dataclass(frozen=True)
class Plan:
    """One client's task in one round; what exactly it comes to, a client works out from the scenario it agreed to.

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
    task: Task = "train"

    @property
    def purpose(self) -> str:
        """What an upload is bound to beside the round: the run, and a task that is not training."""
        return self.run if self.task == "train" else f"{self.run}/{self.task}"

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


@functools.lru_cache(maxsize=64)
def world_of(text: str, round_: int) -> World:
    """The world of a round of the scenario a plan carries; folded once a process."""
    return world_at(scenario_of(text), round_)
