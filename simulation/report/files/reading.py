"""A run directory's files, read into values that the report can rely on."""

import math
from collections import Counter
from pathlib import Path

from privacy.errors import ScenarioError
from server.run_directory import journal
from server.run_directory.coherence import contradictions
from simulation.report.files.fields import Fields, parse
from simulation.report.files.run import Client, ClientReport, Round, Run


def read_run(directory: Path) -> Run:
    """Read a run directory, whatever became of the run.

    Raises ScenarioError where there is no readable manifest.
    """
    path = directory / "manifest.json"
    try:
        manifest = parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScenarioError([f"{directory}: not a run directory: it has no readable manifest.json"]) from error
    except ValueError as error:
        raise ScenarioError([f"{path}: not a manifest, which is a JSON object: {error}"]) from error
    lines, note = _journal(directory / "journal.jsonl")
    hidden, status = manifest.inner("protection").flag("hides_updates"), manifest.text("status")
    summary, traced = _read(directory / "summary.json"), all("messages" in line.values for line in lines)
    return Run(
        manifest=manifest,
        # A run that failed, was resumed and then killed still has the files of its failure: its epsilon is too small.
        summary=summary if summary.text("status") == status else Fields(),
        matrix=_read(directory / "matrix.json") if status == "completed" else Fields(),
        start=next((line for line in lines if line.text("kind") == "start"), Fields()),
        rounds=tuple(_round(line, hidden) for line in lines if line.text("kind") == "round"),
        abandoned=tuple(_round(line, hidden) for line in lines if line.text("kind") == "round-failed"),
        clients=_clients(manifest.inner("clients")),
        # Of a run of which only a part was traced a table would say that nothing else was seen.
        messages=tuple(line.inners("messages") for line in lines) if traced else (),
        journal_hash=lines[-1].text("hash") if lines else "",
        note=note,
        broken=_broken(lines, manifest, summary),
    )


def _read(path: Path) -> Fields:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Fields()


def _journal(path: Path) -> tuple[list[Fields], str]:
    # A killed run may leave half a line at the end; what comes before it still counts.
    lines: list[Fields] = []
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return lines, "There is no journal, so nothing is known of single rounds."
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            lines.append(parse(line))
        except ValueError:
            return lines, f"The journal cannot be read from line {number} on; the figures end before it."
    return lines, ""


def _broken(lines: list[Fields], manifest: Fields, summary: Fields) -> str:
    """The first thing wrong with what is recorded, as `fedcrucible verify` says it; empty where all holds."""
    records = [dict(line.values) for line in lines]
    try:
        problems = [f"journal.jsonl: {problem}" for problem in journal.problems(records)]
        if journal.lacks_its_end(records, manifest.values):
            problems.append("journal.jsonl: its end is missing")
        problems = problems or contradictions(manifest.values, summary.values, records)
    except (ValueError, LookupError, ArithmeticError, TypeError, AttributeError, RecursionError):
        problems = ["it holds what no run writes"]
    return problems[0] if problems else ""


def _round(line: Fields, hidden: bool) -> Round:
    reports = {client: _report(line.inner("reports").inner(client)) for client in line.inner("reports")}
    seen = line.inner("seen")
    alone = line.text("kind") == "round" and sum(report.added for report in reports.values()) == 1
    nobody = line.values.get("reports") == {} or (bool(reports) and all(one.sent_nothing for one in reports.values()))
    return Round(
        round=line.count("round"),
        accuracy=line.finite("accuracy"),
        loss=line.finite("loss"),
        epsilon=_epsilon(line.inner("epsilon")),
        reports=reports,
        sent_bytes=line.count("sent_bytes"),
        received_bytes=line.count("received_bytes"),
        seconds=line.finite("seconds") or 0.0,
        train_seconds=line.finite("train_seconds") or 0.0,
        # A sum of one client's update is that update; and what is not recorded as hidden counts as seen.
        updates_seen=not nobody and (alone or seen.values.get("updates", not hidden) is not False),
        metadata_seen=seen.texts("metadata"),
        events=line.texts("events"),
        experience=line.count("experience"),
        by_experience=line.shares("by_experience"),
        over="by_class" in line.values,
        backdoor=line.finite("backdoor"),
        majority=line.finite("majority"),
        stopped=line.text("stopped"),
    )


def _report(report: Fields) -> ClientReport:
    ledger = report.inners("ledger")
    told = report.text("status"), report.text("reason")
    later = report.inner("then")
    then = {task: (later.inner(task).text("status"), later.inner(task).text("reason")) for task in later}
    return ClientReport(*told, report.count("sent_bytes"), report.finite("weight"), ledger, then)


def _epsilon(values: Fields) -> dict[str, float]:
    # JSON has no infinity, and the safe reading of a missing bound is that there is none.
    numbers = {client: values.number(client) for client in values}
    return {client: math.inf if number is None else number for client, number in numbers.items()}


def _clients(values: Fields) -> dict[str, Client]:
    names = {key: values.inner(key).text("name") or f"client {key}" for key in values}
    repeated = {name for name, times in Counter(names.values()).items() if times > 1}
    clients = {}
    for key, name in names.items():
        one = values.inner(key)
        labels, segments = one.inner("labels"), one.inner("segments")
        clients[key] = Client(
            name=f"{name} ({key})" if name in repeated else name,
            records=one.count("records"),
            labels={label: labels.count(label) for label in labels},
            segments={segment: segments.inner(segment).count("experience") for segment in segments},
        )
    return clients
