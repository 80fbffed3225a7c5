"""Rebuilt pictures on a report: true beside rebuilt, told in words, and nothing drawn that is no picture."""

import re

import pytest
from chromium import visit
from report_page import read_page
from run_directories import rewrite, write_run

from simulation.report import write_report

PICTURE = {
    "of": "client 3",
    "label": "seven",
    "psnr": 31.25,
    "ssim": 0.9312,
    "true": [[0, 255, 7], [128, 0, 0]],
    "rebuilt": [[0, 250, 9], [120, 0, 1]],
}


def page_with(tmp_path, pictures):
    directory = write_run(tmp_path / "run", clients=2, rounds=2)
    finding = {
        "kind": "gradient-inversion",
        "statement": "It was rebuilt.",
        "facts": {"inverted": "single updates", "pictures": pictures},
    }
    rewrite(directory, "summary.json", lambda summary: summary.update(findings=[finding]))
    write_report([directory], tmp_path / "report.html")
    return read_page(tmp_path / "report.html")


def test_true_and_rebuilt_stand_beside_each_other(tmp_path):
    rows = page_with(tmp_path, [PICTURE]).rows("run-1-pictures-1")
    assert [(row["kind"], row["level"]) for row in rows] == [
        ("true", [0, 255, 7, 128, 0, 0]),
        ("rebuilt", [0, 250, 9, 120, 0, 1]),
    ]


def test_the_caption_says_what_the_pictures_show(tmp_path):
    text = page_with(tmp_path, [PICTURE, {**PICTURE, "ssim": None}]).text
    assert "Pictures rebuilt from single updates" in text
    assert "1. client 3, label seven: 31.2 dB, SSIM 0.93; 2. client 3, label seven: 31.2 dB." in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"true": []},
        {"true": [[]]},
        {"true": [[0, 255, 7], [128, 0]]},
        {"true": [[0, 256, 7], [128, 0, 0]]},
        {"true": [[0, -1, 7], [128, 0, 0]]},
        {"true": [[0, True, 7], [128, 0, 0]]},
        {"true": [[0, 1.5, 7], [128, 0, 0]]},
        {"true": [[0] * 65]},
        {"true": [[0]] * 65},
        {"true": "picture"},
        {"true": {"0": [1]}},
        {"rebuilt": [[0, 255], [7, 128], [0, 0]]},
        {"rebuilt": None},
        {"psnr": None},
        {"psnr": "high"},
        {"psnr": float("inf")},
    ],
)
def test_what_is_no_picture_is_not_drawn(tmp_path, wrong):
    page = page_with(tmp_path, [{**PICTURE, **wrong}])
    assert "run-1-pictures-1" not in page.charts
    assert "It was rebuilt." in page.text


@pytest.mark.parametrize("pictures", [None, 3, "x", [3, None, []], {"true": 1}])
def test_findings_without_pictures_have_none(tmp_path, pictures):
    assert "run-1-pictures-1" not in page_with(tmp_path, pictures).charts


def test_a_page_draws_so_many_pixels_and_no_more(tmp_path):
    large = {**PICTURE, "true": [[9] * 64] * 64, "rebuilt": [[9] * 64] * 64}
    assert len(page_with(tmp_path, [large] * 500).rows("run-1-pictures-1")) == 2


def test_names_are_cut_and_escaped(tmp_path):
    page = page_with(tmp_path, [{**PICTURE, "of": "<img src=x onerror=alert(1)>" * 10, "label": "</script>" * 10}])
    assert not page.attributes("img")
    assert all(len(row["picture"]) < 120 for row in page.rows("run-1-pictures-1"))


@pytest.mark.browser
def test_pictures_are_drawn_by_a_browser(tmp_path):
    charts = set(page_with(tmp_path, [PICTURE, {**PICTURE, "label": "'+alert(1)+'\\n"}]).charts)
    seen = visit(tmp_path / "report.html", tmp_path / "profile")
    assert "run-1-pictures-1" in charts
    assert re.search(r'id="run-1-pictures-1"[^>]*>\s*<svg', seen.dom)
    assert seen.console == ()
