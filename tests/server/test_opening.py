"""What only the data and the plans can tell of a file is refused with the file's own lines."""

import shutil
from pathlib import Path

import pytest

from privacy.errors import ScenarioError
from server.run_directory import opening
from server.run_directory.opening import load

TEXT = """\
format = 1
name = "small"
[data]
dataset = "heart-disease"
[model]
kind = "logistic"
[federation]
clients = 4
rounds = 2
"""


def refused(folder, text, *overrides):
    (folder / "small.toml").write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load(str(folder / "small.toml"), overrides)
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_a_model_that_does_not_fit_the_data_is_refused_with_its_line(tmp_path):
    [problem] = refused(tmp_path, TEXT.replace("logistic", "cnn"))
    assert problem.startswith('small.toml:6: model.kind: "cnn" needs images')


def test_what_an_override_makes_impossible_is_refused_with_the_override(tmp_path):
    [problem] = refused(tmp_path, TEXT, "federation.clients=9000")
    assert problem.startswith("--set federation.clients=9000: federation.clients: 9000 clients cannot share")


def test_each_key_is_named_with_what_set_it(tmp_path):
    private = TEXT + '[privacy]\nkind = "dp-sgd"\nepsilon = 1e-6\n'
    [problem] = refused(tmp_path, TEXT.replace('"heart-disease"', '{ kind = "file", path = "mine.csv" }'))
    assert problem.startswith("small.toml:4: data.dataset.path: there is no file")
    [problem] = refused(tmp_path, private)
    assert problem.startswith("small.toml:12: privacy.epsilon: epsilon 1e-06 cannot be reached")
    [problem] = refused(tmp_path, TEXT.replace("rounds = 2", "rounds = 2\nquorum = 4"), "data.test_fraction=0.9999")
    assert problem.startswith("--set data.test_fraction=0.9999: data.test_fraction: ")


def test_a_data_file_that_cannot_be_used_is_named_with_its_own_line(tmp_path):
    (tmp_path / "mine.csv").write_text("a,label\n1,x\nnan,y\n")
    file = '{ kind = "file", path = "mine.csv" }'
    [problem] = refused(tmp_path, TEXT.replace('"heart-disease"', file))
    assert problem == 'mine.csv:3: column "a": nan is not a finite float32'


def test_the_version_has_a_hash_of_the_code_as_it_is(tmp_path):
    root = Path(__file__).parents[2]
    for package in ("clients", "privacy", "scenarios", "server", "simulation"):
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    versions, code = opening.versions, opening.code_sha256
    assert versions()["fedcrucible"].endswith(f"+{code(root)[:12]}")
    assert code(tmp_path) == code(root)
    with (tmp_path / "simulation" / "report" / "page.py").open("a") as page:
        page.write("# a page changes no bits\n")
    assert code(tmp_path) == code(root)
    with (tmp_path / "server" / "rules" / "fedavg.py").open("a") as rule:
        rule.write("# a rule may\n")
    assert code(tmp_path) != code(root)
