"""What the forecast says: as tables for programs and as lines for people."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from scenarios.values import counted
from simulation.dry_run import crowds
from simulation.dry_run.forecast import Forecast
from simulation.report.wording import spans

_NAMED_SEGMENTS = 3


Table = dict[str, Any]


def of_run(foreseen: Forecast) -> Table:
    """How the run ends, where that is before its last round, and in which rounds budgets leave nobody to train."""
    ending = foreseen.ending
    return {
        "ends": None if ending is None else {"round": ending.round, "fails": ending.fails, "reason": ending.reason},
        "nobody_trains": _exhausted(foreseen),
    }


def of_round(foreseen: Forecast, round_: int) -> Table:
    """Who has nothing left to spend in a round, which segments cannot pay for it, of clients that train as well, and
    who trains and then skips what it is asked for afterwards, which is to say what mattered to an experience.
    """
    if not foreseen.reaches(round_):
        return {"reached": False, "training": 0, "retired": [], "retired_segments": {}, "skipping": []}
    return {
        "reached": True,
        "training": len(foreseen.trains(round_)),
        "retired": foreseen.retired(round_),
        "retired_segments": foreseen.left_out(round_),
        "skipping": foreseen.skipping(round_),
    }


def first_retired(foreseen: Forecast) -> dict[tuple[int, str | None], int]:
    """The first round in which each client, under None, and each of its segments is refused."""
    first: dict[tuple[int, str | None], int] = {}
    for round_ in range(1, len(foreseen.rounds) + 1):
        for client in foreseen.retired(round_):
            first.setdefault((client, None), round_)
        for name, who in foreseen.left_out(round_).items():
            for client in who:
                first.setdefault((client, name), round_)
    return first


def line_parts(told: Table, asked: Sequence[int], of: int) -> Iterator[str]:
    """What the line of a round in which these are asked says of its table: who is retired, and segments of others.

    And who cannot pay for consolidating after it has trained.
    """
    retired = told["retired"]
    others = sorted(set(asked) - set(retired))
    if retired:
        yield f"retired {_those(retired, of) if others else 'all'}"
    segments: dict[tuple[int, ...], list[str]] = {}
    for name, who in told["retired_segments"].items():
        segments.setdefault(tuple(sorted(set(who) & set(others))), []).append(name)
    segments.pop((), None)
    for who, names in segments.items():
        more = f" and {counted(len(names) - _NAMED_SEGMENTS, 'more segment')}" if len(names) > _NAMED_SEGMENTS else ""
        whose = "" if list(who) == others else f" of {_those(who, of)}"
        yield f"without {' and '.join(names[:_NAMED_SEGMENTS])}{more}{whose}"
    if told["skipping"]:
        all_ = told["skipping"] == others
        yield "nobody consolidates" if all_ else f"not consolidating {_those(told['skipping'], of)}"


def not_reached(foreseen: Forecast, round_: int) -> str:
    """The line of a round that the run does not come to."""
    return f"round {round_}: not reached: {_ended(foreseen)}"


def warnings(foreseen: Forecast) -> Iterator[str]:
    """Rounds in which nobody trains since budgets are spent, and where the run ends before its last round."""
    spent, rounds = _exhausted(foreseen), len(foreseen.rounds)
    idle = set(takewhile(lambda round_: not foreseen.trains(round_), range(rounds, 0, -1)))
    tail = set() if foreseen.ending is not None else {round_ for round_ in spent if round_ in idle}
    passing = [round_ for round_ in spent if round_ not in tail]
    if passing:
        which = f"{'round' if len(passing) == 1 else 'rounds'} {spans(passing, '-')}"
        yield f"warning: nobody trains in {which}: the budgets are spent"
    if tail:
        yield f"warning: nobody trains from round {min(tail)} on, to the end of the run: the budgets are spent"
    if foreseen.ending is not None:
        yield f"{'warning: ' if foreseen.ending.fails else ''}{_ended(foreseen)}"


def _exhausted(foreseen: Forecast) -> list[int]:
    """The rounds in which nobody trains, and somebody would but for a budget."""
    rounds = range(1, len(foreseen.rounds) + 1)
    return [round_ for round_ in rounds if not foreseen.trains(round_) and foreseen.retired(round_)]


def _ended(foreseen: Forecast) -> str:
    ending = foreseen.ending
    assert ending is not None
    return f"the run {'fails in' if ending.fails else 'stops after'} round {ending.round}: {ending.reason}"


def _those(clients: Sequence[int], of: int) -> str:
    few = of <= crowds.FEW
    return " ".join(map(str, clients)) if few else f"{len(clients)} ({crowds.shortened(clients)})"
