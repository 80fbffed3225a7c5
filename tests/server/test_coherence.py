import math

import pytest

from server.run_directory.coherence import contradictions, left_out, repeated

MANIFEST = {"scenario": {"name": "small", "seed": 1}, "scenario_sha256": "ab", "name": "small", "seed": 1}
ROUND = {"kind": "round", "accuracy": 0.5, "loss": 1.25, "sent_bytes": 10}


def of(summary, **figures):
    return contradictions(MANIFEST, summary, [{"kind": "start"}, {**ROUND, **figures}])


def test_figures_that_are_the_same_and_those_left_out_contradict_nothing():
    assert of({"accuracy": 0.5, "rounds": 1, "sent_bytes": 10, "seed": 1}) == []
    assert of({}) == []


def test_the_last_digits_of_a_sum_are_no_contradiction_and_others_are():
    assert of({"loss": 1.25 * (1 + 1e-12)}) == []
    assert of({"loss": 1.2501}) == ["summary.json: loss is not that of the journal"]


def test_what_json_has_no_word_for_is_compared_as_it_is_written():
    assert of({"loss": None}, loss=math.inf) == []
    assert of({"loss": 1.25}, loss=math.inf) == ["summary.json: loss is not that of the journal"]


def test_a_true_is_no_one():
    assert of({"rounds": True}) == ["summary.json: rounds is not that of the journal"]


def test_figures_that_a_summary_leaves_out_are_missing_and_those_that_nobody_has_are_not():
    told = {"scenario_sha256": "ab", "seed": 1, "rounds": 1, "loss": 1.25, "wall_seconds": 2.0}
    told |= {"sent_bytes": 10, "received_bytes": 0, "train_seconds": 0}
    assert left_out(MANIFEST, told | {"accuracy": 0.5}, [ROUND]) == []
    assert left_out(MANIFEST, told, [ROUND]) == ["summary.json: accuracy is missing"]
    assert left_out(MANIFEST, told, [{**ROUND, "accuracy": None}]) == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"data_sha256": "ef"}, "data_sha256"),
        ({"guarantee": {"unit": "record", "assumptions": []}}, "guarantee"),
        ({"guarantee": None}, "guarantee"),
        ({"protection": {"trust": "nobody"}}, "protection"),
        ({"stamp": None}, "stamp"),
        ({"clients": {"0": {"records": 9}}}, "clients_sha256"),
    ],
)
def test_what_a_manifest_opened_with_is_kept_by_the_first_line_of_a_journal(changes, name):
    promises = {"stamp": "seeded", "guarantee": {"unit": "record", "assumptions": ["a"]}, "protection": {"trust": "b"}}
    manifest = {**MANIFEST, **promises, "data_sha256": "cd", "clients": {"0": {"records": 3}}}
    start = {"kind": "start", **repeated(manifest)}
    assert contradictions(manifest, {}, [start]) == []
    assert contradictions({**manifest, **changes}, {}, [start]) == [
        f"journal.jsonl: {name} is not that of manifest.json"
    ]
    del start[name]
    assert contradictions({**manifest, **changes}, {}, [start]) == [], "an earlier journal does not say it"
