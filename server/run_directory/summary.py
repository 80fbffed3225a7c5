"""The figures of a run for `summary.json`, from its journal; what a failed run does not have is null."""

from collections.abc import Mapping
from typing import Any

from privacy import accounting, ledger
from privacy.guarantees import DpSgd
from scenarios.schema import Scenario
from server.evaluation.matrix import matrix_of
from server.run_directory import journal
from server.run_directory.files import RunDirectory


def summarise(
    directory: RunDirectory, scenario: Scenario, wall_seconds: float, model_sha256: str | None
) -> dict[str, object]:
    """The contract's `summary.json`. `model_sha256` is None where the run did not reach its end.

    `wall_seconds` counts every process that played the run. Bytes are those of the rounds and of the keys before them.
    """
    records, manifest = journal.read_whole_lines(directory.journal), directory.read_manifest()
    return {
        "status": "completed" if model_sha256 else "failed",
        "scenario_sha256": manifest["scenario_sha256"],
        "seed": scenario.seed,
        "engine": manifest["engine"],
        **journalled(records, manifest),
        "epsilon": epsilon_of(scenario, ledgers_of(records)),
        "wall_seconds": wall_seconds,
        "final_sha256": model_sha256,
        "stamp": manifest.get("stamp"),
        "findings": [],
    }


def journalled(records: list[journal.Record], manifest: Mapping[str, Any]) -> dict[str, float | None]:
    """The figures of a summary that the journal has; the manifest says which clients hold what."""
    rounds = [record for record in records if record.get("kind") == "round"]
    last = rounds[-1] if rounds else {}
    matrix = matrix_of(records, manifest) or {}
    return {
        "rounds": len(rounds),
        "accuracy": last.get("accuracy"),
        "loss": last.get("loss"),
        "majority": last.get("majority"),
        "validation_accuracy": last.get("validation_accuracy"),
        "average_accuracy": matrix.get("average_accuracy"),
        "forgetting": matrix.get("forgetting"),
        "backward_transfer": matrix.get("backward_transfer"),
        "backdoor_success": last.get("backdoor"),
        "sent_bytes": int(total(records, "sent_bytes")),
        "received_bytes": int(total(records, "received_bytes")),
        "train_seconds": total(records, "train_seconds"),
    }


def total(records: list[journal.Record], name: str) -> float:
    """The sum of one figure over the start and the rounds; a record that does not have it adds nothing."""
    figures = [record.get(name) for record in records if record.get("kind") in ("start", "round")]
    return sum(figure for figure in figures if isinstance(figure, int | float) and not isinstance(figure, bool))


def seconds_before(directory: RunDirectory) -> float:
    """What the rounds took that were played before now; a journal that cannot be read is told when it is mended."""
    try:
        return total(journal.read_whole_lines(directory.journal), "seconds")
    except (OSError, ValueError):
        return 0.0


def ledgers_of(records: list[journal.Record]) -> dict[str, ledger.Ledger]:
    """The rows each client reported last, from the journal alone, by client in the order of their numbers."""
    latest: dict[str, ledger.Ledger] = {}
    for record in records:
        for client, report in record.get("reports", {}).items():
            latest[client] = ledger.from_rows(report["ledger"])
    return dict(sorted(latest.items(), key=lambda item: int(item[0])))


def epsilon_of(scenario: Scenario, ledgers: Mapping[str, ledger.Ledger]) -> dict[str, Any] | None:
    """What each client and each of its segments has spent, as a summary says it; None without differential privacy."""
    privacy = scenario.privacy
    if not isinstance(privacy, DpSgd):
        return None
    segments = {
        client: accounting.epsilon_by_segment(rows, privacy.delta, privacy.accountant)
        for client, rows in ledgers.items()
    }
    per_client = {
        client: {"max": max(spent.values(), default=0.0), "per_segment": spent} for client, spent in segments.items()
    }
    return {
        "max": max((max(spent.values(), default=0.0) for spent in segments.values()), default=0.0),
        "delta": privacy.delta,
        "accountant": privacy.accountant,
        "per_client": per_client,
    }
