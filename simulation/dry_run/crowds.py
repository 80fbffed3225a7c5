"""Clients in a few lines: each one where they are few; of many the groups that are alike or, of unlike ones, how they
spread and who stands at the ends.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from scenarios.values import counted
from simulation.report.wording import spans

FEW = 12
"""Up to so many clients are told one by one."""

_SPANS = 6
_SEGMENTS = 20
_LISTED = re.compile(rf"\d+(?:, \d+){{{FEW},}}")

Told = Mapping[str, Any]
"""What is planned for a client: `records`, `noise_multiplier`, `planned_epsilon` and the same of its `segments`.

Under differential privacy also `forecast_epsilon`, what budgets and losses leave of it, and `first_retired`, the first
round that a budget does not pay for, or None.
"""


@dataclass(frozen=True)
class Promise:
    """The delta of a private run, which should be below one in the number of a client's records."""

    delta: float

    def broken(self, told: Told) -> bool:
        """Whether the client has so many records that delta alone would allow one of them to be given away."""
        return bool(self.delta >= 1 / told["records"])


def shortened(clients: Sequence[int]) -> str:
    """Ascending clients as spans, of many spans the first and the last: "3, 17, 21-25 ... 94"."""
    found = spans(clients, "-").split(", ")
    return ", ".join(found) if len(found) <= _SPANS else f"{', '.join(found[:3])} ... {found[-1]}"


def cohort(clients: Sequence[int], of: int) -> str:
    """Who of so many clients takes part: "clients 0 3 5", of many "100 clients: 0-99" or "10 of 100: 3, 17 ... 94"."""
    if of <= FEW or not clients:
        return f"clients {' '.join(map(str, clients)) or 'none'}"
    return f"{len(clients)} {'clients' if len(clients) == of else f'of {of}'}: {shortened(clients)}"


def named(clients: Sequence[int]) -> str:
    """Clients as the subject of a line: "client 3" or "25 clients (0-24)"."""
    return f"client {clients[0]}" if len(clients) == 1 else f"{len(clients)} clients ({shortened(clients)})"


def whole(clients: Sequence[int], of: int) -> Iterator[str]:
    """A line that names everybody whom `cohort` does not."""
    if of > FEW and clients:
        yield f"clients: {spans(clients, '-')}"


def lost(clients: Mapping[str, str], of: int) -> str:
    """Who is lost to a round, and how: "3 (late) 5 (late)", of many "2 (late: 3, 5), 7 (after-training: 20-26)"."""
    if of <= FEW:
        return " ".join(f"{client} ({how})" for client, how in clients.items())
    found: dict[str, list[int]] = {}
    for client, how in clients.items():
        found.setdefault(how, []).append(int(client))
    return ", ".join(f"{len(who)} ({how}: {shortened(who)})" for how, who in found.items())


def within(words: str) -> str:
    """Words in which a long list of clients is shortened, such as those of an event."""
    return _LISTED.sub(lambda found: shortened(sorted(map(int, found[0].split(", ")))), words)


def lines(clients: Mapping[str, Told], promise: Promise | None) -> Iterator[str]:
    """What is planned for each client: a line each, for each group that is alike, or how all of them spread."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for client, told in clients.items():
        alike = tuple(_lines(told, promise)) if len(clients) > FEW else (client, *_lines(told, promise))
        groups.setdefault(alike, []).append(int(client))
    if len(groups) > FEW:
        yield from _spread(clients, promise)
        return
    for alike, who in groups.items():
        first, *segments = alike if len(clients) > FEW else alike[1:]
        yield f"{named(who)}: {first}"
        yield from segments


def _lines(told: Told, promise: Promise | None) -> Iterator[str]:
    """One client without its number, and a line for each of its segments where it has several."""
    line = counted(told["records"], "record")
    if promise is not None:
        line += f", noise multiplier {told['noise_multiplier']:.4g}, {counted(_steps(told), 'step')}"
        line += f", planned epsilon {_figure(_epsilon(told))}{_foretold(told)}"
        if promise.broken(told):
            line += f" (warning: delta {promise.delta:g} is not below 1/{told['records']})"
    yield line
    if len(told["segments"]) == 1:
        return
    for name, segment in told["segments"].items():
        epsilon = f", planned epsilon {_figure(_epsilon(segment))}"
        spent = "" if promise is None else f", {counted(segment['steps'], 'step')}{epsilon}"
        yield f"  {name}: {counted(segment['records'], 'record')}{spent}{_foretold(segment)}"


def _spread(clients: Mapping[str, Told], promise: Promise | None) -> Iterator[str]:
    yield f"{len(clients)} clients (--json tells of each)"
    yield _ends("records", clients, lambda told: int(told["records"]))
    if promise is not None:
        yield _ends("noise multiplier", clients, lambda told: float(told["noise_multiplier"]))
        yield _ends("steps", clients, _steps)
        yield _ends("planned epsilon", clients, _epsilon)
        if any(map(_foretold, clients.values())):
            yield _ends("forecast epsilon", clients, _forecast)
        retiring = {client: told for client, told in clients.items() if told["first_retired"] is not None}
        if retiring:
            yield _ends(f"{len(retiring)} of them first retired in round", retiring, _first_retired)
        broken = [int(client) for client, told in clients.items() if promise.broken(told)]
        if broken:
            yield f"  warning: delta {promise.delta:g} is not below one in the number of records of {named(broken)}"
    names = list(dict.fromkeys(name for told in clients.values() for name in told["segments"]))
    if all(len(told["segments"]) == 1 for told in clients.values()):
        return
    for name in names[:_SEGMENTS]:
        own = [told["segments"][name] for told in clients.values() if name in told["segments"]]
        line = f"  {name}: {counted(len(own), 'client')} with {counted(_range(own, _records), 'record')}"
        steps = counted(_range(own, lambda segment: int(segment["steps"])), "step")
        epsilon = _range(own, _epsilon)
        yield line + ("" if promise is None else f", {steps}, planned epsilon {epsilon}{_foretold_of(own)}")
    if len(names) > _SEGMENTS:
        yield f"  ... and {counted(len(names) - _SEGMENTS, 'more segment')}"


def _ends(what: str, clients: Mapping[str, Told], of: Callable[[Told], float]) -> str:
    """Least, most and median of a figure, and who has the least and the most."""
    values = {int(client): of(told) for client, told in clients.items()}
    least, most = min(values.values()), max(values.values())
    if _figure(least) == _figure(most):
        return f"  {what}: {_figure(least)} for each"
    low, high = ([one for one in values if _figure(values[one]) == _figure(end)] for end in (least, most))
    middle = _figure(median(values.values()))
    return f"  {what}: {_figure(least)} ({_those(low)}) to {_figure(most)} ({_those(high)}), median {middle}"


def _those(clients: Sequence[int]) -> str:
    return f"client {clients[0]}" if len(clients) == 1 else f"{len(clients)} clients: {shortened(clients)}"


def _range(segments: Sequence[Told], of: Callable[[Told], float]) -> str:
    values = [of(segment) for segment in segments]
    least, most = _figure(min(values)), _figure(max(values))
    return least if least == most else f"{least} to {most}"


def _records(told: Told) -> int:
    return int(told["records"])


def _steps(told: Told) -> int:
    return sum(segment["steps"] for segment in told["segments"].values())


def _epsilon(told: Told) -> float:
    return math.inf if told["planned_epsilon"] is None else float(told["planned_epsilon"])


def _forecast(told: Told) -> float:
    return math.inf if told["forecast_epsilon"] is None else float(told["forecast_epsilon"])


def _first_retired(told: Told) -> int:
    return int(told["first_retired"])


def _foretold(told: Told) -> str:
    """Where a budget or a loss makes a difference: what will be spent, and the first round that is not paid for."""
    if "forecast_epsilon" not in told:
        return ""
    spent = _figure(_forecast(told))
    line = "" if spent == _figure(_epsilon(told)) else f", forecast {spent}"
    return line if told["first_retired"] is None else f"{line}, first retired in round {told['first_retired']}"


def _foretold_of(segments: Sequence[Told]) -> str:
    if not any(map(_foretold, segments)):
        return ""
    retiring = [segment for segment in segments if segment["first_retired"] is not None]
    told = f", {len(retiring)} first retired in round {_range(retiring, _first_retired)}" if retiring else ""
    return f", forecast {_range(segments, _forecast)}{told}"


def _figure(value: float) -> str:
    if math.isinf(value):
        return "infinite"
    return str(value) if isinstance(value, int) else f"{value:.4g}"
