"""What `fedcrucible check` prints of many clients: few lines, and nobody left out."""

import json

import pytest

from runs import PRIVATE, SMALL, write
from simulation.dry_run import checking, crowds
from simulation.report import wording

UNLIKE = '[privacy]\nkind = "dp-sgd"\nnoise_multiplier = 1.5\ndelta = 0.05\n'


def lines(tmp_path, text, *overrides, round_=None):
    return list(checking.describe(str(write(tmp_path, text)), list(overrides), round_))


def test_twelve_clients_are_told_one_by_one(tmp_path):
    told = lines(tmp_path, SMALL, "federation.clients=12")
    assert [line for line in told if line.startswith("client ")] == [
        f"client {client}: {120 if client < 10 else 119} records" for client in range(12)
    ]
    assert sum(line.endswith("clients 0 1 2 3 4 5 6 7 8 9 10 11; 0.03 MB up") for line in told) == 3


def test_many_clients_that_are_alike_share_a_line(tmp_path):
    told = lines(tmp_path, SMALL + PRIVATE, "federation.clients=1000")
    [more, fewer] = [line for line in told if "noise multiplier" in line]
    assert more.startswith("438 clients (0-437): 2 records, noise multiplier 1.5, 3 steps, planned epsilon ")
    assert fewer.startswith("562 clients (438-999): 1 record, ")
    assert told[5].startswith("round 1: 1000 clients: 0-999; ")
    assert len(told) == 9


def test_many_unlike_clients_are_told_by_how_they_spread(tmp_path):
    overrides = ["federation.clients=100", 'data.partition={ kind = "quantity", alpha = 1 }']
    told = lines(tmp_path, SMALL + UNLIKE, *overrides)
    plan = json.loads(checking.as_json(str(tmp_path / "scenario.toml"), overrides))
    records = {int(client): one["records"] for client, one in plan["clients"].items()}
    most = max(records, key=records.get)
    [line] = [line for line in told if line.startswith("  records: ")]
    assert f" to {records[most]} (client {most}), median " in line
    rich = sorted(client for client, count in records.items() if count >= 20)
    [warning] = [line for line in told if "warning" in line]
    assert warning.endswith(f"of {len(rich)} clients ({crowds.shortened(rich)})")
    assert len(told) < 15


def test_a_round_of_many_is_cut_short_and_asked_for_alone_it_is_whole(tmp_path):
    overrides = ["federation.clients=100", 'federation.sampling={ kind = "fixed", count = 10 }']
    plan = json.loads(checking.as_json(str(write(tmp_path, SMALL)), overrides))
    asked = sorted(map(int, plan["rounds"][1]["tasks"]["train"]))
    [line, everybody] = lines(tmp_path, SMALL, *overrides, round_=2)
    assert line.startswith(f"round 2: 10 of 100: {crowds.shortened(asked)}; ")
    assert line in lines(tmp_path, SMALL, *overrides)
    assert everybody == "clients: " + wording.spans(asked, "-")


def test_the_segments_of_many_and_long_lists_of_an_event_take_a_line_each(tmp_path):
    joining = f'[[event]]\nkind = "join"\nat = 2\nclients = {list(range(1, 30))}\n'
    stream = '[stream]\nkind = "class-incremental"\nexperiences = 3\nrounds_per_experience = 1\n'
    told = lines(tmp_path, SMALL + stream + joining, "federation.clients=40", 'data.partition={kind="iid"}')
    assert any(line.startswith("round 2: [experience 2 begins] [clients 1-29 join] 40 clients: 0-39") for line in told)
    assert [line.split(":")[0] for line in told if line.startswith("  classes")] == [
        "  classes 0, 1, 2, 3",
        "  classes 4, 5, 6",
        "  classes 7, 8, 9",
    ]


@pytest.mark.parametrize(
    ("clients", "words"),
    [
        ([5], "5"),
        (range(100), "0-99"),
        ([3, 4, 9], "3-4, 9"),
        ([1, 3, 5, 7, 9, 11], "1, 3, 5, 7, 9, 11"),
        ([1, 3, 5, 7, 9, 11, 20, 21], "1, 3, 5 ... 20-21"),
    ],
)
def test_clients_as_spans(clients, words):
    assert crowds.shortened(clients) == words


def test_the_lost_are_told_by_how():
    how = {"3": "late", "5": "late", "6": "late", "9": "after-training"}
    assert crowds.lost(how, 10) == "3 (late) 5 (late) 6 (late) 9 (after-training)"
    assert crowds.lost(how, 100) == "3 (late: 3, 5-6), 1 (after-training: 9)"
