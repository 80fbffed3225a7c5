"""What a sweep's page says and draws of the audits of its runs."""

import pytest
from findings_by_hand import LIRA
from hostile_directories import ODD
from report_page import read_page
from run_directories import HOSTILE
from sweep_results import content, setting, spread, write_sweep

from simulation.report import write_report


def page_of(directory):
    output = directory.parent / "page.html"
    write_report([directory], output)
    return read_page(output)


def audited(privacy, accuracy, epsilon, auc, on_front, shown=None):
    found = {f"membership-inference: AUC of {LIRA}": {**spread(auc, 0.02), "on_front": on_front}}
    if shown is not None:
        found["canary: epsilon, lower bound"] = spread(shown)
    return setting(privacy, accuracy, epsilon) | {"findings": found}


SWEPT = (
    audited("one", 0.8, 1.0, 0.52, True, shown=0.4),
    audited("two", 0.7, 8.0, 0.6, False, shown=9.0),
    audited("none", 0.95, None, 0.7, True),
)


def test_a_sweep_shows_what_accuracy_costs_in_attack_success(tmp_path):
    page = page_of(write_sweep(tmp_path / "sweep", content(settings=SWEPT)))
    rows = page.rows("sweep-accuracy-attack-0")
    assert [(row["cost"], row["accuracy"]) for row in rows] == [(0.52, 0.8), (0.6, 0.7), (0.7, 0.95)]
    assert rows[0]["least"] == pytest.approx(0.5)
    assert [row["cost"] for row in page.rows("sweep-accuracy-attack-0", "front")] == [0.52, 0.7]
    assert page.rows("sweep-accuracy-attack-0", "marks") == [{"cost": 0.5}]


def test_a_sweep_shows_attacks_against_epsilon_and_what_was_shown_of_it(tmp_path):
    page = page_of(write_sweep(tmp_path / "sweep", content(settings=SWEPT)))
    rows = page.rows("sweep-attacks-epsilon")
    assert [(row["epsilon"], row["value"], row["said"]) for row in rows] == [
        ("1.00", 0.52, "0.520 ± 0.0200 of 3 runs"),
        ("8.00", 0.6, "0.600 ± 0.0200 of 3 runs"),
        ("no bound", 0.7, "0.700 ± 0.0200 of 3 runs"),
    ]
    assert [row["kind"] for row in page.rows("sweep-epsilon-shown")] == ["sound", "contradiction"]


def test_a_sweep_without_audits_has_no_evidence(tmp_path):
    page = page_of(write_sweep(tmp_path / "sweep", content()))
    assert "Evidence" not in page.text
    assert set(page.charts) == {"sweep-accuracy-epsilon", "sweep-accuracy-bytes"}


def test_what_a_sweep_s_runs_cannot_promise_is_said_loudly_and_failed_audits_are_told(tmp_path):
    runs = [
        {"name": "one", "status": "completed", "audits": "done", "contradictions": ["canary: too little noise"]},
        {"name": "two", "status": "completed", "audits": "failed", "audits_failed": "the disk is full"},
        {"name": "three", "status": "completed", "audits": "waiting"},
    ]
    page = page_of(write_sweep(tmp_path / "sweep", content(runs=runs)))
    assert "✗ Contradiction in one: canary: too little noise" in page.text
    assert "two completed, its audits failed: the disk is full three completed, not audited yet" in page.text
    assert "in 3 runs, of which 3 were completed" in page.text


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_findings_never_break_a_sweep_s_page(tmp_path, odd):
    name = f"{HOSTILE}: AUC of {HOSTILE}"
    found = [odd, {name: odd}, {name: {"mean": odd}}, {name: {**spread(0.6), "standard_deviation": odd}}]
    settings = [setting("none", 0.9, 1.0) | {"findings": one} for one in found]
    runs = [{"name": "one", "status": "completed", "audits": odd, "audits_failed": odd, "contradictions": odd}]
    page = page_of(write_sweep(tmp_path / "sweep", content(settings=settings, runs=runs)))
    assert page.html.endswith("</html>")
    assert not page.attributes("img")
