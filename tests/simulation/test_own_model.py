"""Runs of a network that somebody wrote down: trained as a cohort, and the same as that of a name."""

import logging
import re

import pytest

from runs import ENCRYPTED, PRIVATE, ROOT, SMALL, play, summary, typed, write

MODEL = '[model]\nkind = "logistic"\n'
WRITTEN = """[model]
kind = "sequential"
layers = [
    { kind = "conv2d", channels = 4, padding = 1 },
    { kind = "group-norm", groups = 2 },
    "gelu",
    "max-pool2d",
    { kind = "linear", outputs = 12 },
    "layer-norm",
    "tanh",
]
"""


def test_a_run_of_layers_is_that_of_the_same_network_with_a_name(tmp_path):
    written = SMALL.replace(
        MODEL, '[model]\nkind = "sequential"\nlayers = [{ kind = "linear", outputs = 64 }, "relu"]\n'
    )
    named = play(tmp_path, SMALL, "model.kind=mlp", out="named")

    assert summary(play(tmp_path, written))["final_sha256"] == summary(named)["final_sha256"]


def test_own_layers_train_as_a_cohort_with_the_same_bits_on_two_workers(tmp_path, caplog):
    text = SMALL.replace(MODEL, WRITTEN) + PRIVATE
    with caplog.at_level(logging.WARNING):
        one, two = play(tmp_path, text), play(tmp_path, text, out="two", workers=2)

    assert summary(one)["final_sha256"] == summary(two)["final_sha256"]
    assert "no cohort rule" not in caplog.text
    assert typed("verify", one.path).returncode == 0


def test_own_layers_under_encryption_end_where_they_do_in_the_clear(tmp_path):
    text = SMALL.replace(MODEL, WRITTEN)
    clear, hidden = summary(play(tmp_path, text)), summary(play(tmp_path, text + ENCRYPTED, out="hidden"))

    assert hidden["loss"] == pytest.approx(clear["loss"], abs=1e-3)
    assert hidden["final_sha256"] != clear["final_sha256"]


def test_a_layer_that_cannot_be_is_told_with_its_line_and_number(tmp_path):
    path = write(tmp_path, SMALL.replace(MODEL, WRITTEN.replace("groups = 2", "groups = 3")))
    told = typed("check", path)

    assert told.returncode == 2
    assert f"{path}:10: model.layers[1].kind: 3 groups cannot share 4 channels equally" in told.stderr


def test_the_page_about_own_models_says_what_works(tmp_path):
    network, sweep = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "own-model.md").read_text("utf-8"), re.DOTALL)

    told = typed("check", write(tmp_path, network))
    assert (told.returncode, "model: sequential, 13130 parameters" in told.stdout) == (0, True)
    told = typed("check", write(tmp_path, network + sweep))
    assert (told.returncode, "2 points" in told.stdout or "2 runs" in told.stdout) == (0, True)
