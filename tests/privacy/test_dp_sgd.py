import math

import pytest
import torch

from privacy import dp_sgd
from privacy.ledger import Charge
from privacy.noise import KeyedNoise, SystemNoise
from privacy.steps import MECHANISM, PrivateSteps, planned_sampling


def linear(features=3, classes=2):
    module = torch.nn.Linear(features, classes)
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)
    return module


def seeded(number):
    return torch.Generator().manual_seed(number)


def keyed(number):
    return KeyedNoise(number.to_bytes(32, "little"))


def steps(**changes):
    plan = {"steps": 1, "sampling_rate": 1.0, "noise_multiplier": 1e-9, "clip_norm": 1.0, **changes}
    charge = Charge("all", MECHANISM, plan["noise_multiplier"], plan.pop("sampling_rate"), plan["steps"])
    return PrivateSteps(charges=(charge,), learning_rate=1.0, momentum=0.0, **plan)


def test_each_record_is_clipped_before_the_sum():
    # At zero weights a record x of class 0 has the gradient (-1/2, 1/2) times (x, 1): norm sqrt((|x|^2 + 1) / 2).
    inputs, labels = torch.tensor([[3.0, 0.0, 0.0], [0.0, 0.1, 0.0]]), torch.tensor([0, 0])
    module = linear()
    dp_sgd.train(module, inputs, labels, steps(clip_norm=1.0), seeded(1), keyed(2))
    long, short = 1 / math.sqrt(5.0), 1.0  # the first has norm sqrt(5) and is clipped, the second 0.71 and is not
    expected = torch.tensor([[0.5 * 3.0 * long, 0.5 * 0.1 * short, 0.0]]) / 2
    assert torch.allclose(module.weight[0], expected[0], atol=1e-5)
    assert torch.allclose(module.weight[1], -expected[0], atol=1e-5)


def test_the_noise_has_the_promised_standard_deviation():
    module = linear(features=5000, classes=2)
    plan = steps(noise_multiplier=3.0, clip_norm=0.5, sampling_rate=0.01)
    dp_sgd.train(module, torch.zeros(100, 5000), torch.zeros(100, dtype=torch.int64), plan, seeded(1), keyed(2))
    # One step of learning rate 1 on noise of sigma * C, divided by the expected batch of 1.
    assert float(module.weight.detach().std()) == pytest.approx(3.0 * 0.5, rel=0.03)


def test_an_empty_batch_is_a_step_of_noise():
    module = linear()
    plan = steps(sampling_rate=1e-9, noise_multiplier=1.0)
    dp_sgd.train(module, torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64), plan, seeded(1), keyed(2))
    assert float(module.weight.detach().abs().sum()) > 0


def test_the_same_generators_give_the_same_bits():
    def trained():
        module = linear()
        plan = steps(steps=5, sampling_rate=0.5, noise_multiplier=1.0)
        dp_sgd.train(module, torch.ones(10, 3), torch.zeros(10, dtype=torch.int64), plan, seeded(1), keyed(2))
        return module.weight.detach().numpy().tobytes()

    assert trained() == trained()


def test_system_noise_never_repeats():
    weights = []
    for _ in range(2):
        module = linear()
        dp_sgd.train(
            module,
            torch.ones(4, 3),
            torch.zeros(4, dtype=torch.int64),
            steps(noise_multiplier=1.0),
            seeded(1),
            SystemNoise(),
        )
        weights.append(module.weight.detach().numpy().tobytes())
    assert weights[0] != weights[1]


def test_records_with_rates_of_their_own_are_taken_as_often():
    # At zero weights each record of class 0 with the one input x = 1 has the gradient (-1/2, 1/2): a step of rate 1
    # over the expected batch of 1 moves by a half for each record taken.
    rates = torch.tensor([1.0, 1.0, 1e-9])
    module = torch.nn.Linear(1, 2, bias=False)
    torch.nn.init.zeros_(module.weight)
    method = dp_sgd.Method(rates, expected_batch=1)
    dp_sgd.train(module, torch.ones(3, 1), torch.zeros(3, dtype=torch.int64), steps(), seeded(1), keyed(2), method)
    assert module.weight.flatten().tolist() == pytest.approx([1.0, -1.0], abs=1e-4)


@pytest.mark.parametrize("noise", [0.0, -1.0, float("nan")])
def test_no_noise_is_refused(noise):
    with pytest.raises(ValueError, match="noise_multiplier"):
        dp_sgd.train(
            linear(),
            torch.ones(4, 3),
            torch.zeros(4, dtype=torch.int64),
            steps(noise_multiplier=noise),
            seeded(1),
            keyed(2),
        )


@pytest.mark.parametrize(
    ("records", "batch", "epochs", "expected"),
    [(400, 200, 1, (0.5, 2)), (400, 200, 3, (0.5, 6)), (50, 64, 1, (1.0, 1)), (93, 31, 1, (1 / 3, 3))],
)
def test_the_sampling_rate_is_the_expected_batch_over_the_records(records, batch, epochs, expected):
    assert planned_sampling(records, batch, epochs) == pytest.approx(expected)
