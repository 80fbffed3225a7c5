"""A client that answers with anything at all: the run goes on without it, and the journal says why."""

import json
import math

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Context, Error, Message, MetricRecord, RecordDict
from safetensors.numpy import load_file

from runs import ENCRYPTED, PRIVATE, SMALL, summary, write
from server.app import app
from server.run_directory import journal
from server.run_directory.files import RunDirectory
from server.run_directory.opening import claimed, load, write_manifest
from simulation import verify
from simulation.engines.grid import LocalGrid

HOSTILE = 1


class Intercepted(LocalGrid):
    """The in-process Grid with one client's training replies swapped on the way."""

    def __init__(self, clients, swap):
        super().__init__(clients, 1)
        self.swap = swap

    def send_and_receive(self, messages, *, timeout=None):
        replies = super().send_and_receive(messages, timeout=timeout)
        swapped = []
        for reply in replies:
            hostile = reply.metadata.message_type == "train" and self.client_of(reply) == HOSTILE
            swapped += self.swap(reply) if hostile else [reply]
        return swapped

    @staticmethod
    def client_of(reply):
        return reply.metadata.src_node_id - 1000


def play(folder, swap, text=SMALL):
    directory = RunDirectory(folder / "run")
    with claimed(directory):
        write_manifest(directory, load(str(write(folder, text)), []), [], "local")
    app(Intercepted(4, swap), Context(1, 1, {}, RecordDict(), {"scenario": "", "out": str(directory.path)}))
    rounds = [record for record in journal.read(directory.journal) if record["kind"] == "round"]
    assert all(np.isfinite(array).all() for array in load_file(directory.model).values())
    assert verify.problems(directory.path) == []
    json.loads(directory.summary.read_text(), parse_constant=pytest.fail)
    return directory, [record["reports"][str(HOSTILE)] for record in rounds]


def changed(reply, **fields):
    kept = {name: value for name, value in reply.content["reply"].items() if name not in fields}
    reply.content["reply"] = ConfigRecord({**kept, **{name: value for name, value in fields.items() if value != ""}})
    return [reply]


def without_content(reply):
    reply.content = RecordDict()
    return [reply]


def another_kind_of_record(reply):
    reply.content = RecordDict({"reply": MetricRecord({"envelope": 1.0})})
    return [reply]


def arrays_for_a_reply(reply):
    reply.content = RecordDict({"reply": ArrayRecord([np.zeros(10)])})
    return [reply]


def an_error(reply):
    fresh = Message(Error(1, "\x1b[31mboom\n" * 10_000), reply_to=reply)
    fresh.metadata._src_node_id = reply.metadata.src_node_id
    return [fresh]


@pytest.mark.parametrize(
    "swap",
    [
        lambda reply: [],
        without_content,
        another_kind_of_record,
        arrays_for_a_reply,
        an_error,
        lambda reply: changed(reply, envelope=b""),
        lambda reply: changed(reply, envelope="text"),
        lambda reply: changed(reply, envelope=b"\xff" * 100_000),
        lambda reply: changed(reply, envelope=reply.content["reply"]["envelope"][:-1]),
        lambda reply: changed(reply, envelope=reply.content["reply"]["envelope"] + b"x"),
        lambda reply: changed(reply, status=b"\x00"),
        lambda reply: changed(reply, status="failed", reason="\x1b]0;title\x07" + "x" * 100_000),
        lambda reply: changed(reply, status=7, reason=[1, 2]),
    ],
)
def test_a_reply_that_is_none_leaves_the_client_out(swap, tmp_path):
    directory, reports = play(tmp_path, swap)
    assert {report["status"] for report in reports} <= {"failed", "rejected"}
    assert all(report["reason"].isprintable() and len(report["reason"]) <= 250 for report in reports)
    assert summary(directory)["accuracy"] > 0.5


def test_only_the_first_reply_of_a_client_counts(tmp_path):
    (tmp_path / "once").mkdir()
    once, _ = play(tmp_path / "once", lambda reply: [reply])
    twice, reports = play(tmp_path, lambda reply: [reply, reply])
    assert [report["ignored_replies"] for report in reports] == [1, 1, 1]
    assert summary(twice)["final_sha256"] == summary(once)["final_sha256"]


@pytest.mark.parametrize("protection", ["", ENCRYPTED])
@pytest.mark.parametrize("seconds", ["soon", math.nan, math.inf, -1.0, b"x", 10**400])
def test_figures_that_cannot_be_count_as_none(seconds, protection, tmp_path):
    value = min(seconds, 2**62) if isinstance(seconds, int) else seconds
    _, reports = play(tmp_path, lambda reply: changed(reply, seconds=value, saturated=value), SMALL + protection)
    assert all(report["seconds"] == 0.0 and report["status"] == "trained" for report in reports)


MORE = json.dumps([{"segment": "x" * 10**6, "mechanism": "m", "noise_multiplier": 1, "sampling_rate": 1, "steps": 1}])
FREE = json.dumps([{"segment": "all", "mechanism": "m", "noise_multiplier": 0, "sampling_rate": 1, "steps": 1}])


@pytest.mark.parametrize(
    "ledger",
    [
        "",
        "[]",
        MORE,
        FREE,
        "no json",
        "[[[",
        "null",
        '[{"segment":"all"}]',
        "[" * 100_000,
        json.dumps([{"steps": 1}] * 20_000),
    ],
)
def test_a_ledger_that_is_none_is_charged_whole(ledger, tmp_path):
    directory, _ = play(tmp_path, lambda reply: changed(reply, ledger=ledger), SMALL + PRIVATE)
    spent = {client: one["max"] for client, one in summary(directory)["epsilon"]["per_client"].items()}
    assert spent["1"] == pytest.approx(spent["0"], rel=0.02)
