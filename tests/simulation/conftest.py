from pathlib import Path

import pytest

from simulation import running

_TINY = """
format = 1
name = "tiny"
question = "What does a report show of a small private run?"
seed = 11
[data]
dataset = "digits"
partition = { kind = "dirichlet", alpha = 0.5 }
[model]
kind = "logistic"
[federation]
clients = 3
rounds = 3
[training]
epochs = 1
batch_size = 64
learning_rate = 1.0
[privacy]
kind = "dp-sgd"
noise_multiplier = 1.0
clip_norm = 1.0
delta = 1e-4
"""


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scenario file of a small private run: three clients of unlike sizes, three rounds, no protection."""
    scenario = tmp_path_factory.mktemp("tiny") / "tiny.toml"
    scenario.write_text(_TINY)
    return scenario


@pytest.fixture(scope="session")
def finished(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the tiny scenario's run, which really took place."""
    return running.start(str(tiny), [], "local", 1, tmp_path_factory.mktemp("finished") / "run")
