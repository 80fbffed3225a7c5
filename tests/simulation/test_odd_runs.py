"""Runs of which one value, anywhere in their JSON files, was replaced by one of another type."""

import copy
import json
import re
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_page import read_page

from privacy.errors import ScenarioError
from runs import PRIVATE, SMALL, play, typed
from server.run_directory.files import RunDirectory
from simulation import auditing, verify
from simulation.report import write_report

STREAM = '[stream]\nkind = "class-incremental"\nexperiences = 2\nrounds_per_experience = 2\n'
FILES = ("summary.json", "manifest.json", "journal.jsonl", "findings.jsonl", "matrix.json")
OTHERS = (None, True, 3, -1.5, 10**400, "x", [], [1], {}, {"a": 1})
UNHELD = {  # what `verify` says it can say nothing of
    "summary.json": {"wall_seconds"},
    "manifest.json": {"format", "reason", "started", "ended", "scenario_text", "overrides", "versions", "model"}
    | {"dataset", "experiences"},
}
PYTHON = re.compile(r"Error\b|NoneType|has no attribute|not iterable|unhashable|subscriptable|unsupported|<|>")


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A private run with a matrix, audited, and what its JSON files hold: of each a list of documents."""
    directory = play(tmp_path_factory.mktemp("played"), SMALL.replace("rounds = 3", "rounds = 4") + PRIVATE + STREAM)
    auditing.audit(directory.path, ['audit=[{ kind = "canary", canaries = 500 }]'])
    assert verify.problems(directory.path) == []
    return directory, {name: documents(directory.path / name) for name in FILES}


def documents(path):
    text = path.read_text()
    return [json.loads(line) for line in (text.splitlines() if path.suffix == ".jsonl" else [text])]


def places(value, path=()):
    """Where every value is, the document itself included."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def replaced(found, place, other):
    """The documents with another value in one place."""
    changed = copy.deepcopy(found)
    *above, last = place
    inner = changed
    for key in above:
        inner = inner[key]
    inner[last] = other
    return changed


@st.composite
def odd(draw, found):
    """The name of a file, the path of one of its values, and another value."""
    name = draw(st.sampled_from(FILES))
    place = draw(st.sampled_from([path for path in places(found[name]) if path]))
    value = found[name]
    for key in place:
        value = value[key]
    return name, place, draw(st.sampled_from([other for other in OTHERS if other != value]))


def spoil(played, folder, name, place, other):
    """The run with one value replaced."""
    directory, found = played
    target = folder / "run"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for file in (*FILES, "model.safetensors"):
        shutil.copy(directory.path / file, target / file)
    lines = [json.dumps(document) for document in replaced(found[name], place, other)]
    (target / name).write_text("".join(f"{line}\n" for line in lines))
    return target


def is_held(name, place):
    """Whether `verify` holds anything against a value."""
    return name != "matrix.json" and not (len(place) > 1 and place[1] in UNHELD.get(name, ()))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_verify_tells_every_wrong_type_in_words_and_calls_no_changed_figure_intact(played, tmp_path, data):
    name, place, other = data.draw(odd(played[1]))
    target = spoil(played, tmp_path, name, place, other)
    try:
        told = verify.problems(target)
    except ScenarioError as error:
        told = error.problems
    assert told or not is_held(name, place)
    assert all(line.isprintable() and len(line) < 1000 for line in told)
    assert not [line for line in told if PYTHON.search(line.replace(str(target), ""))]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_wrong_type_is_reported_or_refused_in_words(played, tmp_path, data):
    name, place, other = data.draw(odd(played[1]))
    target = spoil(played, tmp_path, name, place, other)
    if (name, len(place)) == ("manifest.json", 1) and not isinstance(other, dict):
        with pytest.raises(ScenarioError, match=re.escape("manifest.json: not a manifest, which is a JSON object")):
            write_report([target], target / "report.html")
    else:
        write_report([target], target / "report.html")
        assert "To run it again" in read_page(target / "report.html").text


@pytest.mark.parametrize(
    ("name", "place", "other", "told"),
    [
        ("summary.json", ("epsilon",), 3, "summary.json: epsilon is no table"),
        ("summary.json", ("epsilon", "max"), "x", "summary.json: the largest epsilon is not "),
        ("summary.json", ("epsilon", "max"), 10**400, "summary.json: the largest epsilon is not "),
        ("summary.json", ("epsilon", "per_client", "0"), [], "summary.json: client 0 is said to have spent None, its"),
        ("summary.json", ("epsilon", "per_client"), 3, "summary.json: client 0 is said to have spent None, its rows"),
        ("summary.json", ("findings",), 3, "findings.jsonl: not the findings of summary.json"),
        ("summary.json", ("status",), None, "summary.json: status is not that of manifest.json"),
        ("manifest.json", ("guarantee",), 3, "journal.jsonl: guarantee is not that of manifest.json"),
        ("manifest.json", ("protection",), "x", "journal.jsonl: protection is not that of manifest.json"),
    ],
)
def test_what_has_a_wrong_type_is_named(played, tmp_path, name, place, other, told):
    target = spoil(played, tmp_path, name, (0, *place), other)
    result = typed("verify", target)
    assert result.returncode == 1, result.stderr
    assert result.stdout.startswith(told)


@pytest.mark.parametrize("command", ["verify", "audit", "resume"])
def test_a_status_that_no_run_has_is_refused(played, tmp_path, command):
    target = spoil(played, tmp_path, "manifest.json", (0, "status"), "x")
    result = typed(command, target)
    assert result.returncode == 2
    assert "manifest.json: status is none of running, interrupted, failed, completed" in result.stderr
    assert RunDirectory(target).summary.exists()


@pytest.mark.parametrize("other", [None, {}, "", 0, False])
def test_findings_that_are_no_list_are_missed_where_there_are_none(played, tmp_path, other):
    directory, _ = played
    target = RunDirectory(shutil.copytree(directory.path, tmp_path / "run"))
    target.findings.unlink()
    target.summary.write_text(json.dumps({**target.read_summary(), "findings": []}))
    assert verify.problems(target.path) == []
    target.summary.write_text(json.dumps({**target.read_summary(), "findings": other}))
    assert verify.problems(target.path) == [verify.FINDINGS_APART]


def test_what_leads_to_no_words_of_its_own_is_still_told_in_words(played, tmp_path):
    target = spoil(played, tmp_path, "manifest.json", (0, "clients"), 3)
    assert "it holds what no run writes (--debug shows where)" in typed("verify", target).stderr
