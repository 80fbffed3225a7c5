"""The library's `read-my-picture`: a picture in the clear, none under encryption, none under noise."""

import pytest

from server.run_directory.files import RunDirectory
from simulation import auditing, running

pytestmark = pytest.mark.slow


def audited(path, *overrides, clients=8):
    directory = RunDirectory(running.start("read-my-picture", ["federation.rounds=2", *overrides], "local", 1, path))
    found = auditing.audit(directory.path, [f'audit=[{{ kind = "gradient-inversion", clients = {clients} }}]'])
    assert all(one.facts["as_in_the_run"] for one in found)
    return found


@pytest.mark.parametrize(("model", "seed"), [("mlp", 7), ("mlp", 8), ("logistic", 7), ("cnn", 7)])
def test_a_single_update_in_the_clear_is_a_picture(tmp_path, model, seed):
    [found] = audited(tmp_path / "run", f"model.kind={model}", f"seed={seed}", clients=8 if model != "cnn" else 4)
    assert all(one["psnr"] >= (99.0 if model != "cnn" else 20.0) for one in found.facts["attacked"])
    assert all(one["records_recognised"] == 1 for one in found.facts["attacked"])


def test_under_encryption_no_single_update_is_there_to_invert(tmp_path):
    nothing, of_the_sum = audited(tmp_path / "run", "protection.kind=homomorphic")
    assert nothing.statement.startswith("Nothing to invert")
    assert of_the_sum.facts["attacked"][0]["records"] == 100
    assert of_the_sum.facts["attacked"][0]["psnr_mean_over_records"] < 15.0


@pytest.mark.parametrize(("model", "seed"), [("mlp", 7), ("mlp", 8), ("mlp", 9), ("cnn", 7)])
def test_at_epsilon_8_nothing_like_a_picture_comes_out(tmp_path, model, seed):
    private = ["privacy.kind=dp-sgd", "privacy.epsilon=8", "federation.rounds=20", f"seed={seed}"]
    [found] = audited(tmp_path / "run", f"model.kind={model}", *private, clients=8 if model == "mlp" else 2)
    assert found.value < found.facts["psnr_of_a_blind_guess"]
    assert all(one["psnr"] < 12.0 and one["ssim"] < 0.2 for one in found.facts["attacked"])


def test_noise_too_small_for_any_promise_leaves_pictures_to_be_seen(tmp_path):
    noise = 'privacy={ kind = "dp-sgd", noise_multiplier = 0.01 }'
    [found] = audited(tmp_path / "run", noise, "federation.rounds=1")
    assert found.value >= 20.0
