"""Run directories written by hand, such as a run with a stream and events leaves behind. All figures are round."""

import json
from pathlib import Path

from run_directories import rewrite, write_run

EXPERIENCES = ["classes 0, 1", "classes 2, 3", "classes 4, 5", "classes 6, 7"]
ROUNDS, CLIENTS, LENGTH = 8, 4, 2
EVENTS = [
    {"kind": "poison", "at": 2, "until": 4, "clients": [1], "attack": {"kind": "backdoor", "target": 0}},
    {"kind": "join", "at": 3, "clients": [3]},
    {"kind": "dropout", "at": 4, "until": 5, "clients": [2], "rate": 0.5},
    {"kind": "budget", "at": 5, "epsilon": 9.0},
    {"kind": "leave", "at": 5, "clients": [1]},
    {"kind": "drift", "at": 7, "shift": {"kind": "inversion"}},
]
TOLD = {
    2: ["client 1 poison 100% of their records (backdoor)"],
    3: ["experience 2 begins", "client 3 join"],
    4: ["client 2 dropped out with probability 0.5 a round"],
    5: ["experience 3 begins", "the budget becomes epsilon 9", "client 1 leave"],
    6: ["over: client 2 dropped out with probability 0.5 a round"],
    7: ["experience 4 begins", "sudden drift of all records: inversion"],
}


def write_timeline(directory: Path, clients: int = CLIENTS, private: bool = True) -> Path:
    """A class-incremental run of eight rounds with replay, in which each experience loses 0.2 with each later one.

    Client 1 plants a backdoor in round 2 and leaves in round 5, client 3 joins in round 3, client 2 is lost to rounds 4
    and 5 and late in round 6, client 0 has nothing left in round 8; its first segment is used no more from round 6 on.
    """
    write_run(directory, clients=clients, rounds=ROUNDS, private=private)
    rewrite(directory, "manifest.json", _with_stream)
    rewrite(directory, "journal.jsonl", _with_figures)
    (directory / "matrix.json").write_text(json.dumps(_matrix(clients)) + "\n")
    return directory


def accuracy_on(experience: int, under_way: int) -> float:
    """What the model scores on one experience while another is under way."""
    return 0.1 if experience > under_way else round(0.8 - 0.2 * (under_way - experience), 1)


def _with_stream(manifest: dict) -> None:
    manifest["experiences"] = EXPERIENCES
    manifest["scenario"]["federation"]["rounds"] = ROUNDS
    manifest["scenario"]["learner"] = {"kind": "replay", "memory": 50}
    manifest["scenario"]["event"] = EVENTS
    manifest["scenario"]["stream"] = {
        "kind": "class-incremental",
        "experiences": len(EXPERIENCES),
        "rounds_per_experience": LENGTH,
        "label_space": "fixed",
    }
    if "budget" in manifest["scenario"]["privacy"]:
        manifest["scenario"]["privacy"]["budget"]["on_exhausted"] = "retire-segment"
    for client in manifest["clients"].values():
        client["segments"] = {
            name: {"experience": number, "records": 100, "labels": {"0": 50, "1": 50}}
            for number, name in enumerate(EXPERIENCES, start=1)
        }


def _with_figures(line: dict) -> None:
    if line["kind"] == "start":
        line["by_experience"] = [0.1] * len(EXPERIENCES)
    if line["kind"] != "round":
        return
    number = line["round"]
    under_way = (number - 1) // LENGTH + 1
    line["experience"], line["events"] = under_way, TOLD.get(number, [])
    line["by_experience"] = [accuracy_on(one, under_way) for one in range(1, len(EXPERIENCES) + 1)]
    line["backdoor"] = 0.7 if 2 <= number <= 4 else 0.5
    if number % LENGTH == 0:
        line["by_class"] = [[value] * 10 for value in line["by_experience"]]
    for client, report in line["reports"].items():
        report["ledger"] = [_charge(int(client), place, number) for place in range(under_way)]
        report.update(status="trained", reason="")
    if number < 3:
        del line["reports"]["3"]
    if number >= 5:
        del line["reports"]["1"]
    if number in (4, 5):
        line["reports"]["2"].update(status="dropped", reason="dropped out before it trained", sent_bytes=0)
    if number == 6:
        line["reports"]["2"].update(status="late", reason="comes in round 8")
    if number == 8:
        line["reports"]["0"].update(status="retired", reason="the privacy budget is spent", sent_bytes=0)


def _charge(client: int, place: int, number: int) -> dict:
    steps = 10 * (number - LENGTH * place)
    if client == 0:
        steps = min(steps, 50 if place == 0 else 70)
    return {
        "segment": EXPERIENCES[place],
        "mechanism": "poisson-gaussian",
        "noise_multiplier": 1.0,
        "sampling_rate": 0.1,
        "steps": steps,
    }


def _matrix(clients: int) -> dict:
    numbers = range(1, len(EXPERIENCES) + 1)
    matrix = [[accuracy_on(j, i) for j in numbers] for i in numbers]
    own = {str(client): {"matrix": matrix} for client in range(clients)}
    return {"experiences": EXPERIENCES, "initial": [0.1] * 4, "matrix": matrix, "per_client": own}
