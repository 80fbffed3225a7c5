"""Reports of runs whose files were written to do harm, were cut short, or make no sense."""

import json
import re

import pytest
from hostile_directories import ODD, hostile_run, leaves_replaced, replace, replaced, spoil_timeline
from report_page import read_page
from run_directories import DIGITS, HOSTILE, rewrite, write_run
from timeline_directories import write_timeline

from privacy.errors import ScenarioError
from scenarios.seeds import stream
from simulation.report import write_picture, write_report

FILES = ("manifest.json", "journal.jsonl", "summary.json")


def report_of(*directories):
    output = directories[0].parent / "report.html"
    write_report(directories, output)
    return read_page(output)


def is_whole(page):
    return "To run it again" in page.text and len(page.scripts) == 3 and page.html.endswith("</html>")


def texts(value, name=""):
    """Every string of a specification with the name under which it stands, but for data and descriptions."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in ("datasets", "description"):
                yield from texts(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item, name)
    elif isinstance(value, str):
        yield name, value


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return report_of(hostile_run(tmp_path_factory.mktemp("hostile") / "run"))


def test_markup_in_a_run_does_not_become_elements(hostile):
    assert not hostile.attributes("img")
    assert not [name for _, attributes in hostile.elements for name in attributes if name.startswith("on")]


def test_markup_in_a_run_adds_no_script(hostile):
    assert len(hostile.scripts) == 3
    assert [script for script in hostile.attributes("script") if set(script) - {"type", "id"}] == []


@pytest.mark.parametrize(
    "place",
    ["Failed", "failed", "rejected", "Findings", "Unit", "Assumptions", "Versions", "Overrides", "The scenario file"],
)
def test_what_a_run_says_is_shown_as_text(hostile, place):
    shown = " ".join(HOSTILE.split())
    assert re.search(f"{place}.{{0,80}}{re.escape(shown)}", hostile.text)


def test_template_syntax_in_a_run_is_not_evaluated(hostile):
    assert "{{ 7*7 }}" in hostile.text
    assert "{{ 7*7 }}" in hostile.html[: hostile.html.index("</title>")]


def test_hostile_names_reach_the_charts_as_data_only(hostile):
    for chart in hostile.charts.values():
        drawing = {key: value for key, value in chart.items() if key not in ("datasets", "description")}
        marks = [layer for layer in drawing.get("layer", [drawing]) if isinstance(layer, dict)]
        assert HOSTILE not in json.dumps([layer.get("mark") for layer in marks])
        assert not [name for name in chart["datasets"] if HOSTILE in name]
    assert HOSTILE in {row["class"] for row in hostile.rows("run-1-holdings")}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_file_of_odd_values_still_gives_a_report(tmp_path, name, odd):
    directory = write_run(tmp_path / "run", clients=3, rounds=2, classes=DIGITS[:3])
    rewrite(directory, name, lambda document: replace(document, leaves_replaced(document, odd)))
    assert is_whole(report_of(directory))


@pytest.mark.parametrize("seed", range(12))
def test_odd_values_here_and_there_still_give_a_report_and_a_picture(tmp_path, seed):
    directory = write_run(tmp_path / "run", clients=3, rounds=3, classes=DIGITS[:3])
    rng, odd = stream(seed, "odd"), list(ODD.values())
    for name in FILES:
        rewrite(
            directory,
            name,
            lambda document: replace(document, {k: replaced(v, odd, 0.2, rng) for k, v in document.items()}),
        )
    assert is_whole(report_of(directory))
    write_picture(directory, tmp_path / "run.svg")


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_files_of_odd_values_still_give_a_report_of_a_timeline(tmp_path, odd):
    directory = write_timeline(tmp_path / "run")
    for name in ("journal.jsonl", "matrix.json"):
        rewrite(directory, name, lambda document: replace(document, leaves_replaced(document, odd)))
    assert is_whole(report_of(directory))


@pytest.mark.parametrize("seed", range(6))
def test_odd_values_here_and_there_in_a_timeline_still_give_a_report_and_a_picture(tmp_path, seed):
    directory = write_timeline(tmp_path / "run", clients=4 if seed % 2 else 25)
    rng, odd = stream(seed, "odd"), list(ODD.values())
    for name in (*FILES, "matrix.json"):
        rewrite(
            directory,
            name,
            lambda document: replace(document, {k: replaced(v, odd, 0.1, rng) for k, v in document.items()}),
        )
    assert is_whole(report_of(directory))
    write_picture(directory, tmp_path / "run.svg")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"null\n", b"[" * 100_000, b'{"matrix": [[0.5, 0.'])
def test_without_a_readable_matrix_it_is_taken_from_the_journal(tmp_path, content):
    directory = write_timeline(tmp_path / "run")
    (directory / "matrix.json").unlink()
    if content is not None:
        (directory / "matrix.json").write_bytes(content)
    assert len(report_of(directory).rows("run-1-matrix")) == 16


@pytest.mark.parametrize(
    "matrix",
    [[], [[]], [[0.5], [0.5]], [[0.5, 0.5], [0.5]], [[0.5, None]], [[2.0, 0.5]], [["0.5"] * 4] * 4, [[0.5] * 2000]],
)
def test_a_matrix_that_cannot_be_is_not_believed(tmp_path, matrix):
    directory = write_timeline(tmp_path / "run")
    rewrite(directory, "matrix.json", lambda document: document.update(matrix=matrix))
    assert "Average accuracy 50.0%" in report_of(directory).text


def test_names_in_a_hostile_timeline_are_text_and_reach_the_charts_as_data_only(tmp_path):
    directory = write_timeline(tmp_path / "run")
    rewrite(directory, "manifest.json", spoil_timeline)
    rewrite(directory, "journal.jsonl", lambda line: line.get("kind") == "round" and line.update(events=[HOSTILE]))
    page = report_of(directory)
    assert not page.attributes("img")
    assert len(page.scripts) == 3
    assert HOSTILE in {row["text"] for row in page.rows("run-1-lanes", "marks")}
    for chart in page.charts.values():
        assert [name for name, text in texts(chart) if HOSTILE in text and name != "domain"] == []


def test_a_ledger_too_long_to_reckon_does_not_keep_the_reader_waiting(tmp_path):
    directory = write_timeline(tmp_path / "run")
    rows = [
        {"segment": f"s{n % 2}", "mechanism": "m", "noise_multiplier": 1 + n / 7, "sampling_rate": 0.1, "steps": 1}
        for n in range(1000)
    ]
    rewrite(
        directory,
        "journal.jsonl",
        lambda line: [report.update(ledger=rows) for report in line.get("reports", {}).values()],
    )
    page = report_of(directory)
    assert is_whole(page)
    assert "run-1-epsilon-by-segment" not in page.charts


def test_a_round_beyond_all_measure_is_no_reason_to_count_up_to_it(tmp_path):
    directory = write_timeline(tmp_path / "run")
    rewrite(directory, "journal.jsonl", lambda line: line.get("round") == 8 and line.update(round=2**53))
    assert is_whole(report_of(directory))


def test_a_journal_torn_in_its_last_line_counts_up_to_there(tmp_path):
    directory = write_run(tmp_path / "run", clients=2, rounds=5, status="running")
    journal = directory / "journal.jsonl"
    journal.write_text(journal.read_text()[:-40])
    page = report_of(directory)
    assert "The journal cannot be read from line 6 on; the figures end before it." in page.text
    assert [row["round"] for row in page.rows("run-1-accuracy")] == [1, 2, 3, 4]


def cut_the_end(journal):
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))


def empty(journal):
    journal.write_text("")


def leave_out_a_round(journal):
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[:2] + lines[3:]))


def raise_an_accuracy(journal):
    rewrite(journal.parent, journal.name, lambda line: line.get("round") == 2 and line.update(accuracy=0.99))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (cut_the_end, "its end is missing"),
        (empty, "its end is missing"),
        (leave_out_a_round, "line 3 does not follow line 2"),
        (raise_an_accuracy, "line 3 was edited: its hash does not match its content"),
    ],
)
def test_a_journal_that_was_changed_is_said_to_be(change, told, tmp_path):
    directory = write_run(tmp_path / "run", clients=2, rounds=4)
    journal = directory / "journal.jsonl"
    assert "was changed after the run" not in report_of(directory).text
    change(journal)
    assert f"What is recorded was changed after the run: journal.jsonl: {told}" in report_of(directory).text


@pytest.mark.parametrize(
    ("file", "changes", "told"),
    [
        ("summary.json", {"accuracy": 0.99}, "summary.json: accuracy is not that of the journal"),
        ("manifest.json", {"seed": 8}, "manifest.json: seed is not that of its scenario"),
    ],
)
def test_a_figure_that_was_changed_is_said_to_be(file, changes, told, tmp_path):
    directory = write_run(tmp_path / "run", clients=2, rounds=4)
    rewrite(directory, file, lambda document: document.update(changes))
    assert f"What is recorded was changed after the run: {told}" in report_of(directory).text


@pytest.mark.parametrize("name", ["journal.jsonl", "summary.json"])
@pytest.mark.parametrize(
    "content",
    [None, b"", b"\xff\xfe\x00", b"null\n", b"[" * 100_000, b'{"kind": "round", "round": ' + b"9" * 5000 + b"}"],
)
def test_a_run_without_a_readable_journal_or_summary_still_has_a_report(tmp_path, name, content):
    directory = write_run(tmp_path / "run", clients=2, rounds=2)
    (directory / name).unlink()
    if content is not None:
        (directory / name).write_bytes(content)
    assert "What does privacy cost when classes arrive over time?" in report_of(directory).text


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"[]", b"[" * 100_000, b"{", b"9" * 5000])
def test_a_directory_without_a_readable_manifest_is_refused_by_name(tmp_path, content):
    directory = tmp_path / "run"
    directory.mkdir()
    if content is not None:
        (directory / "manifest.json").write_bytes(content)
    with pytest.raises(ScenarioError, match=re.escape(str(directory))) as refused:
        report_of(directory)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_characters_that_no_svg_may_hold_do_not_end_the_process(tmp_path, ending):
    directory = write_timeline(tmp_path / "run")
    named = [f"{name}{ODD['controls']}" for name in ("a", "b", "c", "d")]
    rewrite(directory, "manifest.json", lambda manifest: manifest.update(experiences=named))
    rewrite(directory, "manifest.json", lambda manifest: manifest["scenario"].update(question=named[0]))
    write_picture(directory, tmp_path / f"run{ending}")
    assert (tmp_path / f"run{ending}").exists()


def test_a_hostile_name_is_drawn_as_text_in_a_picture(tmp_path):
    write_picture(hostile_run(tmp_path / "run"), tmp_path / "run.svg")
    assert "<img" not in (tmp_path / "run.svg").read_text()
    assert "<script" not in (tmp_path / "run.svg").read_text()
