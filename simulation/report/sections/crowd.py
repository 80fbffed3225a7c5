"""Many clients: how a figure spreads over them, and the few that stand for all."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median

from simulation.report.drawings.drawing import Row
from simulation.report.files.run import Client, Run
from simulation.report.wording import significant

MANY = 200
"""More clients than this are drawn as how they spread, and more rows of a table only as far as somebody looks."""

DRAWN = 60
"""Of many clients so many are drawn with their classes."""

_BINS = 30


def epsilon_spread(run: Run) -> list[Row]:
    """`from`, `to`, `label` and `clients`: how many clients spent how much, of those that have a finite epsilon."""
    spent = sorted(value for value in run.epsilon.values() if math.isfinite(value))
    if not spent:
        return []
    low, high = spent[0], spent[-1]
    if low == high:
        return _counted(spent, [0.99 * low, 1.01 * low or 0.01], [significant(low)])
    edges = [low + place * (high / _BINS - low / _BINS) for place in range(_BINS + 1)]
    return _counted(spent, edges, [f"{significant(begin)} to {significant(end)}" for begin, end in pairwise(edges)])


def records_spread(run: Run) -> list[Row]:
    """`from`, `to`, `label` and `clients`: how many clients hold how many records."""
    held = sorted(client.records for client in run.clients.values())
    if not held:
        return []
    width = math.ceil((held[-1] - held[0] + 1) / _BINS)
    begins = range(held[0], held[-1] + 1, width)
    words = [f"{begin:,}" if width == 1 else f"{begin:,} to {begin + width - 1:,}" for begin in begins]
    return _counted(held, [*(begin - 0.5 for begin in begins), begins[-1] + width - 0.5], words)


def drawn(run: Run) -> list[Client]:
    """The clients whose classes are drawn: all of few, of many some in the order of their records, at equal steps."""
    clients = list(run.clients.values())
    if len(clients) <= MANY:
        return clients
    ordered = sorted(clients, key=lambda client: client.records)
    return [ordered[round(place * (len(ordered) - 1) / (DRAWN - 1))] for place in range(DRAWN)]


def ends(named: Sequence[tuple[str, float]], figure: Callable[[float], str]) -> str:
    """A sentence on who has the least and who the most of a figure, in words, and on the median."""
    least, most = min(named, key=lambda one: one[1]), max(named, key=lambda one: one[1])
    if least[1] == most[1]:
        return f"Each has {figure(least[1])}."
    middle = figure(median(value for _, value in named))
    return f"From {figure(least[1])} ({least[0]}) to {figure(most[1])} ({most[0]}); the median client has {middle}."


def _counted(values: Sequence[float], edges: Sequence[float], words: Sequence[str]) -> list[Row]:
    counts = [0] * len(words)
    for value in values:
        counts[min(len(counts), bisect_right(edges, value)) - 1] += 1
    return [
        {"from": edges[place], "to": edges[place + 1], "label": words[place], "clients": count}
        for place, count in enumerate(counts)
    ]
