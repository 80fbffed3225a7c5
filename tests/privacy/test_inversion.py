"""Reading records off the first layer, labels off the last, and searching for records by their gradient."""

import numpy as np
import pytest
import torch

from privacy.audits import inversion


def gradients(module, records, labels):
    loss = torch.nn.functional.cross_entropy(module(torch.from_numpy(records)), torch.from_numpy(labels))
    return torch.autograd.grad(loss, list(module.parameters()))


@pytest.fixture
def network():
    generator = torch.Generator().manual_seed(5)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 12), torch.nn.ReLU(), torch.nn.Linear(12, 3))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-0.5, 0.5, generator=generator)
    return module


def test_a_multiple_in_each_row_is_one_record():
    record = np.array([0.25, 0.5, 1.0])
    biases = np.array([2.0, 0.0, -1.0])
    found = inversion.read_off(np.outer(biases, record), biases, records=1)
    assert found == pytest.approx(record[None])


def test_one_record_is_fitted_by_all_rows_together():
    rng = np.random.default_rng(4)
    record, biases = rng.random(100), rng.normal(0.0, 0.1, 32)
    weights = np.outer(biases, record) + rng.normal(0.0, 0.02, (32, 100))
    noisy = biases + rng.normal(0.0, 0.02, 32)
    [found] = inversion.read_off(weights, noisy, records=1)
    first = np.linalg.svd(np.column_stack([weights, noisy]))[2][0]
    assert found == pytest.approx(first[:-1] / first[-1], rel=1e-6)
    best_row = np.abs(noisy).argmax()
    assert np.square(found - record).mean() < np.square(weights[best_row] / noisy[best_row] - record).mean()


def test_one_record_is_exact_after_several_steps_with_momentum(network):
    rng = np.random.default_rng(2)
    record, label = rng.random((1, 16), np.float32), np.array([1])
    before = [parameter.detach().clone() for parameter in network.parameters()]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    for _ in range(5):
        for parameter, gradient in zip(network.parameters(), gradients(network, record, label), strict=True):
            parameter.grad = gradient
        optimizer.step()
    moved = [(now - then).detach().double().numpy() for now, then in zip(network.parameters(), before, strict=True)]
    assert inversion.read_off(*moved[:2], records=1)[0] == pytest.approx(record[0], abs=1e-4)


def test_of_several_records_a_row_that_one_activates_is_that_record():
    first, second = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    active = np.array([[0.5, 0.0], [0.0, -0.2], [0.3, 0.3], [0.0, 0.0]])
    found = inversion.read_off(active @ np.stack([first, second]), active.sum(1), records=2)
    assert found == pytest.approx(np.stack([first, second, [0.5, 0.5]]))


def test_nothing_stands_in_an_update_without_a_change():
    assert inversion.read_off(np.zeros((4, 3)), np.zeros(4), records=1).shape == (0, 3)


@pytest.mark.parametrize("labels", [[2], [0, 2], [1, 1, 0], [0, 0, 0, 1, 2, 2]])
def test_labels_stand_in_the_last_bias(network, labels):
    records = np.random.default_rng(3).random((len(labels), 16), np.float32)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(0.01)
    gradient = gradients(network, records, np.array(labels))[-1].double().numpy()
    assert inversion.labels_behind(gradient, len(labels)).tolist() == sorted(labels)


def test_a_search_finds_the_record_of_a_convolutional_network():
    generator = torch.Generator().manual_seed(1)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(8 * 36, 4)
    )
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(-0.2, 0.2, generator=generator)
    record = np.zeros((1, 1, 8, 8), np.float32)
    record[0, 0, 2:6, 3] = 1.0
    gradient = gradients(module, record, np.array([3]))
    start = torch.empty(1, 1, 8, 8).normal_(generator=generator)
    found = inversion.matched(module, gradient, np.array([3]), [start], steps=300)
    assert np.square(found - record.reshape(1, -1)).mean() < 1e-3


def test_a_search_that_got_stuck_gives_way_to_one_that_finds(network):
    record, label = np.zeros((1, 1, 4, 4), np.float32), np.array([0])
    record[0, 0, 1:3, 2] = 1.0
    gradient = gradients(network, record, label)
    far, tried = torch.full((1, 1, 4, 4), 50.0), []

    def starts():
        for start in (far, torch.zeros(1, 1, 4, 4), far):
            tried.append(start)
            yield start

    one = inversion.matched(network, gradient, label, [far], steps=1)
    found = inversion.matched(network, gradient, label, starts(), steps=200)
    assert np.square(found - record.reshape(1, -1)).mean() < np.square(one - record.reshape(1, -1)).mean()
    assert len(tried) < 3
