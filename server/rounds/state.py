"""What the server goes on with from round to round: the model, what the learner keeps, and what comes late."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from privacy.view import Contribution, Vector, View

Array = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Learned = Mapping[str, Array]
"""The learner's own arrays by name: "importance", "anchor", "teacher", "statistics"."""


@dataclass(frozen=True, eq=False)
class Late:
    """An update, float32[d], that a client sent in round `sent` and that comes in round `due`. Compared by identity."""

    due: int
    sent: int
    client: int
    update: Vector


@dataclass(frozen=True)
class State:
    """The global model float32[d], the learner's arrays, and what both were after rounds that an event goes back to."""

    model: Vector
    learned: Learned = field(default_factory=dict)
    late: tuple[Late, ...] = ()
    kept: Mapping[int, "State"] = field(default_factory=dict)

    def keep(self, round_: int) -> "State":
        """The same, with itself kept under a round's number."""
        return replace(self, kept={**self.kept, round_: State(self.model, self.learned)})

    def back_to(self, round_: int) -> "State":
        """The state after an earlier round; late updates of what came between are gone with it."""
        return replace(self.kept[round_], kept=self.kept)

    def to_arrays(self) -> dict[str, Array]:
        """Everything as named arrays, for a checkpoint."""
        arrays = {"parameters": self.model, **{f"learned/{name}": array for name, array in self.learned.items()}}
        arrays |= {f"late/{one.due}/{one.sent}/{one.client}": one.update for one in self.late}
        for round_, kept in self.kept.items():
            arrays |= {f"kept/{round_}/{name}": array for name, array in kept.to_arrays().items()}
        return arrays

    @staticmethod
    def from_arrays(arrays: Mapping[str, Array]) -> "State":
        """Read what `to_arrays` wrote. Raises KeyError or ValueError on anything else."""
        own: dict[str, Array] = {}
        kept: dict[int, dict[str, Array]] = {}
        for name, array in arrays.items():
            if name.startswith("kept/"):
                _, round_, rest = name.split("/", 2)
                kept.setdefault(int(round_), {})[rest] = array
            else:
                own[name] = array
        return State(
            model=own["parameters"].astype(np.float32, copy=False),
            learned={name.removeprefix("learned/"): own[name] for name in own if name.startswith("learned/")},
            late=tuple(sorted((_late(name, own[name]) for name in own if name.startswith("late/")), key=_order)),
            kept={round_: State.from_arrays(those) for round_, those in sorted(kept.items())},
        )


def model_bytes(model: Vector) -> bytes:
    """The canonical bytes of a model: little-endian float32 in parameter order. Their SHA-256 names the model."""
    return np.ascontiguousarray(model, dtype="<f4").tobytes()


def model_sha256(model: Vector) -> str:
    """The name of a model: SHA-256 of its bytes."""
    return hashlib.sha256(model_bytes(model)).hexdigest()


def held_back(view: View, delays: Mapping[int, int]) -> tuple[View, tuple[Late, ...]]:
    """The view without the updates of clients that are so many rounds late, and these updates."""
    if not delays or view.updates is None:
        return view, ()
    slow = {client: view.updates[client] for client in sorted(delays) if client in view.updates}
    weights = {one.client: one.weight for one in view.contributions}
    total = view.total - sum((weights[client] * update for client, update in slow.items()), np.float64(0.0))
    seen = replace(
        view,
        total=total,
        contributions=tuple(one for one in view.contributions if one.client not in slow),
        updates={client: update for client, update in view.updates.items() if client not in slow},
    )
    late = (Late(view.round + delays[client], view.round, client, update) for client, update in slow.items())
    return seen, tuple(late)


def with_late(view: View, arrived: Mapping[Late, float]) -> View:
    """The view with late updates added, each with its weight times (1 + rounds late)^-0.5 (arXiv 1903.03934)."""
    total, contributions = view.total, list(view.contributions)
    for one, weight in arrived.items():
        discounted = weight * (1 + view.round - one.sent) ** -0.5
        total = total + discounted * one.update
        contributions.append(Contribution(one.client, discounted, 0))
    return replace(view, total=total, contributions=tuple(contributions))


def _order(late: Late) -> tuple[int, int]:
    """The order in which late updates are added: a sum's bits depend on it."""
    return late.sent, late.client


def _late(name: str, update: Array) -> Late:
    _, due, sent, client = name.split("/")
    return Late(int(due), int(sent), int(client), update.astype(np.float32, copy=False))
