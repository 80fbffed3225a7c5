"""`fedcrucible report` as a person types it."""

import sys

import pytest
from run_directories import write_run

from simulation import cli


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("command") / "run", clients=3, rounds=3)


def typed(monkeypatch, *words):
    """The exit code of a command line."""
    monkeypatch.setattr(sys, "argv", ["fedcrucible", "report", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


@pytest.mark.parametrize(
    ("ending", "magic"), [(".html", b"<!doctype html>"), (".png", b"\x89PNG\r\n\x1a\n"), (".svg", b"<svg")]
)
def test_the_ending_says_what_is_written(directory, tmp_path, monkeypatch, capsys, ending, magic):
    output = tmp_path / "new" / f"run{ending}"
    assert typed(monkeypatch, directory, "-o", output) == 0
    assert output.read_bytes().startswith(magic)
    assert capsys.readouterr().out == f"report: {output}\n"


def test_without_an_output_the_page_stands_in_the_run_directory(directory, monkeypatch):
    assert typed(monkeypatch, directory) == 0
    assert (directory / "report.html").exists()


def test_a_comparison_overwrites_no_run_s_own_report(directory, tmp_path, monkeypatch):
    other = write_run(tmp_path / "other", clients=3, rounds=3)
    monkeypatch.chdir(tmp_path)
    assert typed(monkeypatch, other, directory) == 0
    assert not (other / "report.html").exists()
    assert (tmp_path / "comparison.html").exists()


def test_what_cannot_work_is_refused_in_one_line(directory, tmp_path, monkeypatch, capsys):
    file = tmp_path / "file"
    file.write_text("")
    for words, said in (
        ((directory, directory, "-o", tmp_path / "runs.png"), "a picture shows one run, not 2"),
        ((directory, "-o", tmp_path / "run.pdf"), "a report's name ends in .html, .png or .svg"),
        ((directory, "-o", tmp_path), "a report's name ends in .html, .png or .svg"),
        ((directory, "-o", file / "run.html"), "run.html: cannot be written: "),
        ((directory, "-o", file / "run.png"), "run.png: cannot be written: "),
        ((tmp_path / "nowhere",), "not a run directory: it has no readable manifest.json"),
        ((file,), "not a run directory: it has no readable manifest.json"),
        ((tmp_path,), "not a run directory: it has no readable manifest.json"),
    ):
        assert typed(monkeypatch, *words) == 2, words
        shown = capsys.readouterr()
        assert said in shown.err
        assert len(shown.err.splitlines()) == 1, words
        assert shown.out == ""
