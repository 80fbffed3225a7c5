"""A sweep's results as lines on a terminal."""

from collections.abc import Iterator, Sequence

from scenarios.values import counted, shown, written
from simulation.sweeps.directory import Table

_UNFINISHED = {"failed": "its audits failed", "waiting": "not audited yet"}


def lines(results: Table) -> Iterator[str]:
    """A row for each setting, mean and standard deviation over its seeds; the fronts; what choosing cost."""
    yield from _columns(list(_rows(results)))
    chosen = any(one["chosen"] for one in results["settings"])
    star = f"* chosen{' for its ' + results['front'] if results['front'] else ''}; " if chosen else ""
    yield f"{star}e and b: no other setting is as accurate for less epsilon, for fewer bytes"
    yield _how_chosen(results) if chosen else _why_not_chosen(results)
    yield from _attacks(results)
    tuning = results["tuning"]
    if tuning is not None:
        yield _how_costly(tuning)


def _rows(results: Table) -> Iterator[list[str]]:
    settings = results["settings"]
    keys = [key for key in results["keys"] if key != "seed"]
    validated = any(one["validation_accuracy"] for one in settings)
    streamed = any(one["forgetting"] for one in settings)
    yield [
        "", *keys, "runs", *(["validation"] if validated else []), "accuracy",
        *(["forgetting"] if streamed else []), "epsilon", "MB", "seconds",
    ]  # fmt: skip
    for one in settings:
        marks = "".join(
            sign for sign, key in (("*", "chosen"), ("e", "on_epsilon_front"), ("b", "on_bytes_front")) if one[key]
        )
        yield [
            marks,
            *(_short(_called(results, key, one)) for key in keys),
            f"{one['count']}/{one['runs']}",
            *([_spread(one["validation_accuracy"])] if validated else []),
            _spread(one["accuracy"]),
            *([_spread(one["forgetting"])] if streamed else []),
            "none" if one["epsilon"] is None else f"{one['epsilon']['mean']:.3f}",
            _number(one["bytes"], 1e6),
            _number(one["seconds"], 1.0),
        ]


def _attacks(results: Table) -> Iterator[str]:
    """A row for each figure of an audit and setting; whose runs were audited in part, or not at all, is told, too."""
    settings = results["settings"]
    names = dict.fromkeys(name for one in settings for name in one["findings"])
    keys = [key for key in results["keys"] if key != "seed"]
    if names:
        yield ""
        yield from _columns([["", "found by audits", *keys, "runs", "value"], *_found(results, list(names), keys)])
        yield "a: no other setting is as accurate and gives this attack less"
    unfinished = [run for run in results["runs"] if run["status"] == "completed" and run["audits"] in _UNFINISHED]
    for run in unfinished:
        why = f": {run['audits_failed']}" if run["audits_failed"] else ""
        yield f"{run['name']}: completed, {_UNFINISHED[run['audits']]}{why}"


def _found(results: Table, names: Sequence[str], keys: Sequence[str]) -> Iterator[list[str]]:
    for name in names:
        for one in [one for one in results["settings"] if name in one["findings"]]:
            found = one["findings"][name]
            yield [
                "a" if found.get("on_front") else "",
                name,
                *(_short(_called(results, key, one)) for key in keys),
                f"{found['count']}/{one['runs']}",
                _spread(found),
            ]


def _how_chosen(results: Table) -> str:
    if results["optimistic"]:
        return (
            "chosen by accuracy on the test set, so the chosen accuracy is optimistic: "
            "data.validation_fraction holds records out to choose by"
        )
    return "chosen by validation accuracy; accuracy is on the test set, which had no part in the choice"


def _why_not_chosen(results: Table) -> str:
    kinds = {written(one["settings"].get(results["front"])) if results["front"] else "" for one in results["settings"]}
    if len(kinds) == len(results["settings"]):
        return "there was nothing to choose: each setting is the only one of its kind"
    return "nothing was chosen: of each setting some run failed"


def _how_costly(tuning: Table) -> str:
    epsilon = "infinite" if tuning["epsilon"] is None else f"{tuning['epsilon']:.3f}"
    unprotected = counted(tuning["unprotected_runs"], "run")
    others = f"; {unprotected} without privacy not counted" if tuning["unprotected_runs"] else ""
    private = counted(tuning["private_runs"], "private run")
    return (
        f"all {private} together: epsilon {epsilon} at delta {tuning['delta']:g} "
        f"(their Renyi divergences added up){others}"
    )


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _called(results: Table, key: str, one: Table) -> object:
    """A setting's value of a key, or what the file calls it."""
    value = one["settings"][key]
    return results.get("names", {}).get(key, {}).get(written(value), value)


def _short(value: object) -> str:
    text = shown(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _spread(spread: Table | None) -> str:
    if spread is None:
        return "none"
    return f"{spread['mean']:.4f}" + (f" +- {spread['standard_deviation']:.4f}" if spread["count"] > 1 else "")


def _number(spread: Table | None, unit: float) -> str:
    return "none" if spread is None else f"{spread['mean'] / unit:.1f}"
