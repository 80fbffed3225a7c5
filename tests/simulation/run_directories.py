"""Run directories written by hand, such as runs of several kinds leave behind."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

from scenarios.seeds import stream
from server.run_directory import journal

HOSTILE = "</script><img src=x onerror=\"document.title='owned'\">{{ 7*7 }}'\"&<!--"
QUESTION = "What does privacy cost when classes arrive over time?"
STAMP = "reproducible: not private against anyone who knows the seed, which the server and every client are sent"
DIGITS = [str(digit) for digit in range(10)]


def write_run(
    directory: Path,
    clients: int = 10,
    rounds: int = 50,
    classes: list[str] = DIGITS,
    names: str = "client {}",
    private: bool = True,
    status: str = "completed",
    reason: str = "",
) -> Path:
    """A run directory such as a class-incremental run with DP-SGD leaves behind."""
    directory.mkdir(parents=True)
    held = _holdings(clients, classes)
    scenario = _scenario(clients, rounds, private)
    text = "\n".join(f"{key} = {json.dumps(value)}" for key, value in scenario.items() if not isinstance(value, dict))
    manifest = {
        "format": 1,
        "name": scenario["name"],
        "question": scenario["question"],
        "status": status,
        "reason": reason,
        "run": "class-incremental-dp-7-0001",
        "seed": 7,
        "engine": "local",
        "scenario": scenario,
        "scenario_text": f"{text}\n# {names}\n",
        "scenario_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "data_sha256": hashlib.sha256(b"data").hexdigest(),
        "overrides": ["federation.rounds=50"],
        "versions": {"fedcrucible": "0.1.0", "python": "3.11.9", "flwr": "1.41.0", "torch": "2.13.0", "numpy": "2.4.1"},
        "stamp": STAMP if private else None,
        "guarantee": _guarantee() if private else None,
        "protection": {
            "kind": "homomorphic",
            "hides_updates": True,
            "trust": "The server holds no key; it cannot read an update unless it colludes with a client.",
        },
        "dataset": {"source": "MNIST", "licence": "CC BY-SA 3.0", "classes": classes, "test_records": 1000},
        "clients": {
            str(client): {"name": names.format(client), "records": sum(labels.values()), "labels": labels}
            for client, labels in enumerate(held)
        },
        "model": {"kind": "cnn", "parameters": 21802},
        "started": "2025-03-02T09:14:03+00:00",
        "ended": "2025-03-02T09:17:23+00:00",
    }
    lines = [{"kind": "start", "run": manifest["run"]}]
    lines += [_round(number, clients, names, private) for number in range(1, rounds + 1)]
    if status == "completed":
        (directory / "summary.json").write_text(json.dumps(_summary(lines[1:], private)))
        lines.append({"kind": "end", "status": status})
    linked = list(_linked(lines))
    if status == "completed":
        manifest["journal_head"] = linked[-1]["hash"]
    (directory / "manifest.json").write_text(json.dumps(manifest))
    (directory / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in linked))
    return directory


def rewrite(directory: Path, name: str, change: Callable[[dict[str, object]], object]) -> None:
    """Change a JSON file in place; of the journal every line."""
    path = directory / name
    documents = [json.loads(line) for line in path.read_text().splitlines()]
    for document in documents:
        change(document)
    path.write_text("".join(json.dumps(document) + "\n" for document in documents))


def _scenario(clients: int, rounds: int, private: bool) -> dict[str, object]:
    privacy = {
        "kind": "dp-sgd",
        "noise_multiplier": 1.0,
        "clip_norm": 1.0,
        "delta": 1e-5,
        "budget": {"epsilon": 8.0, "on_exhausted": "retire-client"},
    }
    return {
        "format": 1,
        "name": "class-incremental-dp",
        "question": QUESTION,
        "seed": 7,
        "data": {"dataset": "mnist5k", "partition": {"kind": "dirichlet", "alpha": 0.3}},
        "model": {"kind": "cnn"},
        "federation": {"clients": clients, "rounds": rounds, "quorum": 2},
        "stream": {"kind": "class-incremental", "experiences": 5, "rounds_per_experience": 10},
        "privacy": privacy if private else {"kind": "none"},
        "protection": {"kind": "homomorphic", "scheme": "bfv"},
        "event": [
            {"kind": "dropout", "at": 14, "until": 16, "clients": [1]},
            {"kind": "poison", "at": 31, "clients": [0]},
        ],
    }


def _guarantee() -> dict[str, object]:
    return {
        "statement": "Everything that leaves a client is (ε, δ)-differentially private for each record it holds.",
        "unit": "record",
        "neighbouring_relation": "add or remove one record",
        "sampling": "Poisson, each record independently in each step",
        "trust": "Each client trusts its own machine; the server need not be trusted with records.",
        "assumptions": ["The number of records of a client is public.", "Noise is drawn from a seeded generator."],
    }


def _holdings(clients: int, classes: list[str]) -> list[dict[str, int]]:
    shares = stream(7, "holdings").dirichlet([0.3] * clients, size=len(classes))
    return [
        {name: round(400 * float(shares[row, client])) for row, name in enumerate(classes)} for client in range(clients)
    ]


def _round(number: int, clients: int, names: str, private: bool) -> dict[str, object]:
    noise = stream(7, "accuracy", number).normal(0, 0.008)
    experience, within = divmod(number - 1, 10)
    learned = 0.18 * (experience + 1) - 0.02 * experience**1.5
    accuracy = min(0.99, max(0.05, learned * (1 - 0.45 * math.exp(-within / 3)) + noise))
    seconds = 3.4 + 0.3 * math.sin(number)
    return {
        "kind": "round",
        "round": number,
        "accuracy": accuracy,
        "loss": 2.3 - 2.1 * accuracy,
        "cohort": list(range(clients)),
        "reports": {str(client): _report(number, client, names) for client in range(clients)},
        "epsilon": {str(client): _epsilon(number, client) for client in range(clients)} if private else None,
        "sent_bytes": clients * 131_000,
        "received_bytes": clients * 87_208,
        "seconds": seconds,
        "train_seconds": 0.7 * seconds,
        "seen": {"updates": False, "metadata": ["weight", "bytes", "ledger"]},
    }


def _report(number: int, client: int, names: str) -> dict[str, object]:
    status, reason = "trained", ""
    if client == 1 and 14 <= number <= 16:
        status, reason = "failed", f"no answer from {names.format(client)}"
    if client == 0 and number in (31, 35):
        status, reason = "rejected", "the proof of range does not hold"
    return {
        "status": status,
        "reason": reason,
        "sent_bytes": 131_000 if status != "failed" else 0,
        "received_bytes": 87_208,
        "seconds": 0.31,
        "weight": 1.0,
        "ledger": [],
    }


def _epsilon(number: int, client: int) -> float:
    return min(7.96, (0.85 + 0.037 * (client % 10)) * math.sqrt(number))


def _summary(rounds: list[dict[str, object]], private: bool) -> dict[str, object]:
    last = rounds[-1]
    epsilon = last["epsilon"]
    return {
        "status": "completed",
        "seed": 7,
        "engine": "local",
        "rounds": len(rounds),
        "accuracy": last["accuracy"],
        "loss": last["loss"],
        "epsilon": {
            "max": max(epsilon.values()),
            "delta": 1e-5,
            "accountant": "rdp",
            "per_client": {
                client: {"max": value, "per_segment": {"experience-1": value, "experience-2": 0.8 * value}}
                for client, value in epsilon.items()
            },
        }
        if private
        else None,
        "sent_bytes": sum(line["sent_bytes"] for line in rounds),
        "received_bytes": sum(line["received_bytes"] for line in rounds),
        "wall_seconds": 200.4,
        "train_seconds": sum(line["train_seconds"] for line in rounds),
        "final_sha256": hashlib.sha256(b"model").hexdigest(),
        "stamp": STAMP if private else None,
        "findings": [],
    }


def _linked(lines: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    """The lines as a journal holds them, each bound to the one before."""
    previous = journal.GENESIS
    for line in lines:
        linked = journal.link(previous, line)
        previous = linked.hash
        yield {**line, "previous": json.loads(linked.text)["previous"], "hash": linked.hash}
