"""A server that asks a client for what the agreed scenario does not hold: nothing is charged and nothing released."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict

from privacy import ledger
from privacy.protections.protocol import UPDATE
from runs import PRIVATE, SMALL, write
from scenarios import source
from server.rounds import planning
from server.rounds.exchange import fields_of
from simulation.engines.grid import LocalGrid

FIRST = 1000
RUN = "a-run"
STREAM = """
[stream]
kind = "class-incremental"
experiences = 3
rounds_per_experience = 1
"""
LEAVES = """
[[event]]
kind = "leave"
at = 2
until = 2
clients = [0]
"""


class Server:
    """Asks client 0 of a private scenario, to which it has introduced itself, for anything it likes."""

    def __init__(self, folder, text):
        self.scenario = source.read(str(write(folder, text))).scenario
        self.outlook = planning.outlook_of(self.scenario)
        self.grid = LocalGrid(self.scenario.federation.clients, 1)
        self.plan = planning.plan_round(self.outlook, planning.noise_by_client(self.outlook), 1, RUN)[0]
        self.send("query.hello", self.plan)

    def send(self, kind, plan):
        content = RecordDict(
            {
                "plan": ConfigRecord(dict(plan.to_fields())),
                "request": ConfigRecord({"phase": UPDATE, "parameters": 650}),
                "arrays": ArrayRecord({"parameters": Array(np.zeros(650, np.float32))}),
            }
        )
        [reply] = self.grid.send_and_receive([Message(content, dst_node_id=FIRST, message_type=kind)])
        return reply

    def ask(self, **changes):
        """What becomes of a round's plan with these changes: the reply's fields, or the error."""
        reply = self.send("train", replace(self.plan, **changes))
        return {"status": "error", "reason": reply.error.reason} if reply.has_error() else fields_of(reply)

    @property
    def charged(self):
        """The ledger in the client's own memory."""
        return ledger.from_json(str(self.grid.memories()[0]["ledger"]))


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path, SMALL + STREAM + LEAVES + PRIVATE)


def test_a_client_whom_nothing_was_asked_keeps_the_memory_it_had(server):
    server.grid.restore(dict.fromkeys(range(1, 4), server.grid.memories()[0]))
    before = server.grid.memories()
    server.ask()
    after = server.grid.memories()
    assert after[0] != before[0]
    assert [after[client] is before[client] for client in before] == [False, True, True, True]


def test_what_the_scenario_holds_is_done_and_charged(server):
    assert server.ask()["status"] == "trained"
    assert [row.segment for row in server.charged] == ["classes 0, 1, 2, 3"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"task": "statistics"}, "does not ask for 'statistics' in round 1"),
        ({"task": "consolidate"}, "does not ask for 'consolidate' in round 1"),
        ({"task": "anything"}, "does not ask for 'anything' in round 1"),
        ({"round": 0}, "there is no round 0"),
        ({"round": 4}, "there is no round 4"),
        ({"round": -1}, "there is no round -1"),
        ({"round": 2}, "there is nothing to do in round 2"),
        ({"noise_multiplier": 0.1}, "less than the scenario's"),
        ({"noise_multiplier": -math.inf}, "less than the scenario's"),
    ],
)
def test_what_the_scenario_does_not_hold_is_refused_and_costs_nothing(server, changes, reason):
    reply = server.ask(**changes)
    assert reply["status"] == "refused"
    assert reason in reply["reason"]
    assert "envelope" not in reply
    assert server.charged == ()


def test_another_scenario_is_refused_that_would_use_other_records(server):
    values = json.loads(server.plan.scenario)
    values["learner"] = {"kind": "cumulative"}
    assert "another scenario" in server.ask(scenario=json.dumps(values))["reason"]
    assert server.charged == ()


@pytest.mark.parametrize("scenario", ["", "{}", "[]", '{"format": 1}'])
def test_what_is_no_scenario_is_an_error_of_the_request(server, scenario):
    assert server.ask(scenario=scenario)["status"] in ("error", "refused")
    assert server.charged == ()


def test_noise_that_is_no_number_releases_nothing(server):
    assert "envelope" not in server.ask(noise_multiplier=math.nan)


def test_a_round_is_done_once(server):
    server.ask()
    once = server.charged
    assert "was trained before" in server.ask()["reason"]
    assert server.charged == once


def test_rounds_that_are_skipped_are_not_made_up_for(server):
    assert server.ask(round=3)["status"] == "trained"
    assert "is not after round 3" in server.ask(round=1)["reason"]
    assert [row.segment for row in server.charged] == ["classes 7, 8, 9"]
