"""The report as a real Chromium draws it: every chart, under the page's own policy, whatever the run's files hold."""

import json
import re

import pytest
from chromium import visit
from findings_by_hand import LIRA, LOSS, attack, bound, noise, write_audited
from hostile_directories import ODD, hostile_run, leaves_replaced, replace, spoil_timeline
from report_page import Page, read_page
from run_directories import HOSTILE, rewrite, write_run
from sweep_results import content, setting, spread, write_sweep
from timeline_directories import write_timeline

from simulation.report import write_report

pytestmark = pytest.mark.browser


def visited(tmp_path, *directories):
    """What Chromium makes of the runs' report, and the ids of the charts that the report asks for."""
    output = tmp_path / "report.html"
    write_report(directories, output)
    return visit(output, tmp_path / "profile"), set(read_page(output).charts)


def drawn(dom):
    """The ids of the chart containers that hold an SVG picture."""
    return set(re.findall(r'<div class="chart[^"]*" id="([^"]+)"[^>]*>\s*<svg', dom))


def title(dom):
    return re.findall(r"<title>(.*?)</title>", dom, re.DOTALL)[0]


@pytest.fixture(scope="module")
def honest(finished, tmp_path_factory):
    return visited(tmp_path_factory.mktemp("honest"), finished)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    home = tmp_path_factory.mktemp("hostile")
    return visited(home, hostile_run(home / "run"))


def test_every_chart_is_drawn(honest):
    visit_, charts = honest
    assert 'class="drawn"' in visit_.dom
    assert len(charts) == 7
    assert drawn(visit_.dom) == charts


def test_the_policy_refuses_nothing_and_no_script_complains(honest):
    visit_, _ = honest
    assert visit_.console == ()


def test_every_chart_of_a_hostile_run_is_drawn(hostile):
    visit_, charts = hostile
    assert 'class="drawn"' in visit_.dom
    assert drawn(visit_.dom) == charts


def test_nothing_in_a_hostile_run_is_executed(hostile):
    visit_, _ = hostile
    assert title(visit_.dom) != "owned"
    assert not Page(visit_.dom).attributes("img")
    assert visit_.console == ()


MEASURE = """<script>
addEventListener("load", () => setTimeout(() => {
  const region = document.querySelector('[aria-label="What the server saw of each client"]');
  const ends = [...region.querySelectorAll("tbody tr")].map((row) => row.getBoundingClientRect().bottom);
  const edge = region.getBoundingClientRect().top + region.clientTop + region.clientHeight;
  document.title = JSON.stringify({ ends, edge });
}, 1000));
</script>"""


@pytest.mark.parametrize("clients", [10, 14])
def test_ten_rows_of_a_table_are_seen_whole_and_half_of_the_next_says_that_there_are_more(tmp_path, clients):
    output = tmp_path / "report.html"
    write_report([write_run(tmp_path / "run", clients=clients, rounds=40)], output)
    html, measured = output.read_text(encoding="utf-8"), tmp_path / "measured.html"
    # The page's policy refuses the script that measures.
    measured.write_text(re.sub("<meta http-equiv.*?>", "", html, count=1) + MEASURE, encoding="utf-8")
    found = json.loads(title(visit(measured, tmp_path / "profile").dom))
    whole = sum(end <= found["edge"] + 1 for end in found["ends"])
    assert (whole, len(found["ends"])) == (10, clients)
    if clients > 10:
        tenth, eleventh = found["ends"][9:11]
        assert 0.3 < (found["edge"] - tenth) / (eleventh - tenth) < 0.7


@pytest.mark.parametrize("clients", [4, 25])
def test_every_chart_of_a_timeline_is_drawn(tmp_path, clients):
    visit_, charts = visited(tmp_path, write_timeline(tmp_path / "run", clients=clients))
    assert {"run-1-lanes", "run-1-matrix", "run-1-forgotten"} <= charts
    assert drawn(visit_.dom) == charts
    assert visit_.console == ()


def test_a_hostile_timeline_is_drawn_and_executes_nothing(tmp_path):
    directory = write_timeline(tmp_path / "run")
    rewrite(directory, "manifest.json", spoil_timeline)
    visit_, charts = visited(tmp_path, directory)
    assert drawn(visit_.dom) == charts
    assert title(visit_.dom) != "owned"
    assert visit_.console == ()


@pytest.mark.parametrize("names", [["manifest.json"], ["journal.jsonl", "matrix.json"]])
def test_timelines_of_odd_values_are_drawn(tmp_path, names):
    directories = []
    for number, odd in enumerate(ODD.values()):
        directory = write_timeline(tmp_path / str(number))
        for name in names:
            rewrite(directory, name, lambda document, odd=odd: replace(document, leaves_replaced(document, odd)))
        directories.append(directory)
    visit_, charts = visited(tmp_path, *directories)
    assert drawn(visit_.dom) == charts


@pytest.mark.parametrize("name", ["manifest.json", "journal.jsonl", "summary.json"])
def test_runs_of_odd_values_are_drawn(tmp_path, name):
    directories = []
    for number, odd in enumerate(ODD.values()):
        directory = write_run(tmp_path / str(number), clients=3, rounds=2, classes=["0", "1"])
        rewrite(directory, name, lambda document, odd=odd: replace(document, leaves_replaced(document, odd)))
        directories.append(directory)
    visit_, charts = visited(tmp_path, *directories)
    assert 'class="drawn"' in visit_.dom
    assert drawn(visit_.dom) == charts


def test_several_runs_are_drawn_on_one_page(tmp_path, finished):
    other = write_run(tmp_path / "other", clients=40, rounds=120)
    visit_, charts = visited(tmp_path, finished, other)
    assert len(charts) == 7 + 8
    assert drawn(visit_.dom) == charts
    assert visit_.console == ()


def test_evidence_is_drawn_for_runs_and_their_comparison(tmp_path):
    found = [attack(LOSS, 0.51), attack(LIRA, 0.62), bound(2.5), noise(1.0)]
    broken = [attack(LIRA, 0.6), bound(9.0, contradiction=True), noise(0.5, contradiction=True)]
    runs = [write_audited(tmp_path / "a", *found), write_audited(tmp_path / "b", *broken)]
    runs.append(write_audited(tmp_path / "c", attack(HOSTILE, 0.7), private=False))
    visit_, charts = visited(tmp_path, *runs)
    assert {
        "runs-attacks-epsilon",
        "runs-epsilon-shown",
        "run-1-attacks",
        "run-2-epsilon-shown",
        "run-2-noise",
    } <= charts
    assert drawn(visit_.dom) == charts
    assert title(visit_.dom) != "owned"
    assert visit_.console == ()


def test_evidence_of_odd_values_is_drawn(tmp_path):
    odd = [{**attack(LIRA, 0.6), key: value} for key in ("kind", "figure", "value", "low") for value in ODD.values()]
    odd += [{**bound(2.5), "value": value} for value in ODD.values()]
    visit_, charts = visited(tmp_path, write_audited(tmp_path / "a", *odd), write_audited(tmp_path / "b", *odd[::-1]))
    assert drawn(visit_.dom) == charts


def test_a_sweep_with_audits_is_drawn(tmp_path):
    found = {
        f"membership-inference: AUC of {LIRA}": {**spread(0.6), "on_front": True},
        f"x: AUC of {HOSTILE}": spread(0.7),
    }
    settings = [
        setting("one", 0.8, 1.0) | {"findings": found | {"canary: epsilon, lower bound": spread(0.4)}},
        setting("none", 0.9, None) | {"findings": found},
    ]
    visit_, charts = visited(tmp_path, write_sweep(tmp_path / "sweep", content(settings=settings)))
    assert {"sweep-accuracy-attack-0", "sweep-attacks-epsilon", "sweep-epsilon-shown"} <= charts
    assert drawn(visit_.dom) == charts
    assert title(visit_.dom) != "owned"
    assert visit_.console == ()


def test_a_script_that_the_policy_does_not_name_is_seen_to_be_refused(tmp_path):
    output = tmp_path / "report.html"
    write_report([write_run(tmp_path / "run", clients=2, rounds=2)], output)
    output.write_text(output.read_text().replace("</body>", "<script>document.title='owned'</script></body>"))
    visit_ = visit(output, tmp_path / "profile")
    assert title(visit_.dom) != "owned"
    assert any("Content Security Policy" in line for line in visit_.console)
