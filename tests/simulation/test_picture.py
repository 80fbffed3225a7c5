import re
import struct

import pytest
from run_directories import QUESTION, STAMP, rewrite, write_run
from timeline_directories import write_timeline

from privacy.errors import ScenarioError
from simulation.report import write_picture


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("written") / "run")


def test_a_png_is_a_png_wide_enough_to_read(finished, tmp_path):
    write_picture(finished, tmp_path / "run.png")
    content = (tmp_path / "run.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    assert width > 1400
    assert height > 1000


def test_an_svg_is_an_svg_that_loads_nothing(finished, tmp_path):
    write_picture(finished, tmp_path / "run.svg")
    picture = (tmp_path / "run.svg").read_text()
    assert picture.startswith("<svg")
    assert "<image" not in picture
    assert "href" not in picture


def test_the_ending_may_be_in_capitals(finished, tmp_path):
    write_picture(finished, tmp_path / "RUN.SVG")
    assert (tmp_path / "RUN.SVG").read_text().startswith("<svg")


def test_a_picture_carries_question_answer_and_stamp(written, tmp_path):
    write_picture(written, tmp_path / "run.svg")
    picture = (tmp_path / "run.svg").read_text()
    assert [text for text in (QUESTION, "After 50 rounds with 10 clients", STAMP) if text not in picture] == []


def test_the_legend_of_a_picture_is_whole_and_a_long_answer_keeps_its_promise(tmp_path):
    directory = write_timeline(tmp_path / "run")
    rewrite(
        directory,
        "manifest.json",
        lambda manifest: manifest["scenario"]["stream"].update(kind="domain-incremental", key="month"),
    )
    write_picture(directory, tmp_path / "run.svg")
    picture = (tmp_path / "run.svg").read_text()
    assert "all test records so far</text>" in picture
    assert "…" not in picture
    assert "who know the seed" in picture


def test_a_picture_of_a_run_without_privacy_has_no_epsilon(tmp_path):
    write_picture(write_run(tmp_path / "run", rounds=3, private=False), tmp_path / "run.svg")
    picture = (tmp_path / "run.svg").read_text()
    assert "Accuracy by round" in picture
    assert "Privacy spent" not in picture


def axis_labels(picture):
    """What stands at the ticks of each axis of a picture."""
    axes = re.findall(r'role-axis-label".*?</g>', picture, re.DOTALL)
    return [[label for label in re.findall(r"<text[^>]*>([^<]*)</text>", axis) if label] for axis in axes]


@pytest.mark.parametrize("rounds", [1, 2, 3, 4])
def test_each_round_of_a_short_run_stands_once_below_its_charts(tmp_path, rounds):
    write_picture(write_run(tmp_path / "run", rounds=rounds), tmp_path / "run.svg")
    accuracy, _, epsilon, _ = axis_labels((tmp_path / "run.svg").read_text())
    assert accuracy == epsilon == [str(round_) for round_ in range(1, rounds + 1)]


def test_another_ending_is_refused(written, tmp_path):
    with pytest.raises(ScenarioError, match=r"ends in \.png or \.svg, not in '\.gif'"):
        write_picture(written, tmp_path / "run.gif")
