from server.rounds.reports import joined

LEDGER = [{"segment": "a", "mechanism": "dp-sgd", "noise_multiplier": 1.0, "sampling_rate": 0.1, "steps": 5}]


def report(status="trained", reason="", weight=0.5, seconds=1.0, steps=5):
    figures = {"seconds": seconds, "saturated": 1, "sent_bytes": 10, "received_bytes": 20, "ignored_replies": 1}
    return {"status": status, "reason": reason, "weight": weight, **figures, "ledger": [{**LEDGER[0], "steps": steps}]}


def test_the_only_task_of_a_round_is_told_as_it_is():
    assert joined({}, {"0": report()}, "train") == {"0": report()}


def test_a_later_task_of_a_round_is_told_with_its_own_status_and_weight():
    first, then = {"0": report(), "1": report()}, {"0": report("retired", "spent", 0.25, 0.5, 7), "1": report()}
    both = joined(first, then, "consolidate")
    assert [both[client]["status"] for client in "01"] == ["trained", "trained"]
    assert both["0"]["then"] == {"consolidate": {"status": "retired", "reason": "spent", "weight": 0.25}}
    assert both["1"]["then"]["consolidate"]["status"] == "trained"
    assert (both["0"]["weight"], both["0"]["seconds"], both["0"]["sent_bytes"]) == (0.5, 1.5, 20)
    assert both["0"]["ignored_replies"] == 2
    assert both["0"]["ledger"][0]["steps"] == 7


def test_who_is_asked_for_a_later_task_only_is_told_so():
    both = joined({"1": report()}, {"0": report("failed", "no disk", 0.25)}, "consolidate")
    assert list(both) == ["0", "1"]
    assert both["0"]["then"] == {"consolidate": {"status": "failed", "reason": "no disk", "weight": 0.25}}
    assert "then" not in both["1"]
