"""What docs/own-data.md says is done here: its files are written, its programs run, its scenario checked and played."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runs import ROOT, play, summary, typed, write

PAGE = (ROOT / "docs" / "own-data.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The page's code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def patients(records: int = 600) -> list[str]:
    """A line of names, and as many made-up patients, ill for their age, pressure and creatinine, with some chance."""
    rng = np.random.default_rng(0)
    age = rng.integers(18, 95, records)
    pressure = rng.normal(130, 20, records).round().clip(85, 210).astype(int)
    creatinine = rng.gamma(6, 0.17, records).round(2).clip(0.3, 4.5)
    risk = 0.03 * (age - 55) + 0.02 * (pressure - 130) + 2.5 * (creatinine - 1) + rng.normal(0, 0.7, records)
    ward, month = rng.choice(["north", "south", "west"], records), rng.choice(["May", "June"], records)
    columns = age, pressure, creatinine, ward, month, np.where(risk > 0, "ill", "well")
    names = blocks("csv")[0].splitlines()[0]
    return [names, *(",".join(map(str, row)) for row in zip(*columns, strict=True))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The scenario of the page, the patients as they are, and scaled as the page says."""
    write(tmp_path, blocks("toml")[0], "wards.toml")
    write(tmp_path, "\n".join(patients()) + "\n", "raw.csv")
    subprocess.run([sys.executable, "-c", blocks("python")[0]], cwd=tmp_path, check=True)
    return tmp_path


def test_the_scenario_works_on_the_scaled_table(folder: Path) -> None:
    told = typed("check", folder / "wards.toml")

    assert told.returncode == 0, told.stderr
    assert "data: 600 records, 2 classes, 120 held out for testing" in told.stdout
    assert "model: logistic, 8 parameters" in told.stdout  # three columns and a bias, times two classes
    first = (folder / "wards.csv").read_text(encoding="utf-8").splitlines()[1].split(",")
    assert first[:4] == ["0.66", "-0.1", "-0.716", "south"]  # of 83 in 0..100, 141 in 60..240, 0.71 in 0..5


def test_a_column_of_names_that_nobody_named_is_refused_with_what_can_be_done(folder: Path) -> None:
    told = typed("check", folder / "wards.toml", "--set", "data.dataset.keys=[]")

    assert told.returncode == 2
    assert 'wards.csv:2: column "month": "May" is not a number; name the column in group or keys' in told.stderr


def test_the_archive_works_in_the_place_of_the_table(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", blocks("python")[1]], cwd=folder, check=True)
    table, archive = blocks("toml")[0], blocks("toml")[1]
    (line,) = [line for line in table.splitlines() if line.startswith("dataset = ")]

    told = typed("check", write(folder, table.replace(line, archive.strip()), "scans.toml"))

    assert told.returncode == 0, told.stderr
    assert "data: 60 records, 2 classes" in told.stdout


@pytest.mark.parametrize("privacy", ["privacy.epsilon=8.0", "privacy=none"])
def test_columns_as_they_are_cost_accuracy(folder: Path, privacy: str) -> None:
    text = blocks("toml")[0]
    scaled = summary(play(folder, text, privacy, out="scaled"))
    unlike = summary(play(folder, text.replace("wards.csv", "raw.csv"), privacy, out="unlike"))

    assert scaled["accuracy"] > unlike["accuracy"] + 0.05
    assert unlike["loss"] > 2 * scaled["loss"]
