"""Every layer's rule against autograd (plain) and against Opacus (private), as a layer of a small network."""

import hypothesis.strategies as st
import pytest
import torch
from cohorts import CLOSE, AnyModule, agree, apart, images, job, steps, tokens
from hypothesis import given, settings

from clients import alone, training
from clients.cohort.layers.gradients import Explicit, Product
from clients.cohort.network import network_of
from scenarios.models import Cnn

SMALL = images(shape=(2, 7, 6))


def network(layers, shape, classes, dtype=torch.float32):
    """These layers, flattened, and one linear layer on top."""
    body = torch.nn.Sequential(*layers, torch.nn.Flatten())
    width = body(torch.zeros(1, *shape, dtype=dtype)).shape[1]
    return torch.nn.Sequential(body, torch.nn.Linear(width, classes))


# No ReLU where sizes are drawn: within rounding of its bend the order of sums decides whether there is a gradient.
LAYERS = {
    "convolution": lambda: [torch.nn.Conv2d(2, 3, 3)],
    "convolution, oblong and strided": lambda: [torch.nn.Conv2d(2, 3, (3, 2), (2, 1), (2, 0), bias=False)],
    "convolution, dilated": lambda: [torch.nn.Conv2d(2, 4, 2, dilation=(2, 3), padding=1)],
    "convolutions": lambda: [torch.nn.Conv2d(2, 3, 3, 2, 1), torch.nn.Tanh(), torch.nn.Conv2d(3, 4, 2, padding=1)],
    "kernels of whole strides": lambda: [torch.nn.Linear(6, 9), torch.nn.Conv2d(2, 3, (2, 6), (2, 3), (1, 0))],
    "kernels of no strides": lambda: [torch.nn.Linear(6, 9), torch.nn.Conv2d(2, 3, (3, 4), (2, 3), (1, 2))],
    "one position": lambda: [torch.nn.Conv2d(2, 5, (7, 6))],
    "maximum": lambda: [torch.nn.Conv2d(2, 3, 2), torch.nn.MaxPool2d(2, 1)],
    "maximum, many equal": lambda: [torch.nn.Conv2d(2, 3, 2), torch.nn.ReLU(), torch.nn.MaxPool2d(2, 1)],
    "maximum, apart": lambda: [torch.nn.Conv2d(2, 3, 2), torch.nn.MaxPool2d(2)],
    "maximum, uneven": lambda: [torch.nn.Linear(6, 9), torch.nn.MaxPool2d(2, (3, 1))],
    "maximum, three": lambda: [torch.nn.Conv2d(2, 3, 2), torch.nn.MaxPool2d(3, 1)],
    "maximum, padded": lambda: [torch.nn.Conv2d(2, 3, 2), torch.nn.MaxPool2d((3, 2), 2, 1, ceil_mode=True)],
    "mean": lambda: [torch.nn.Conv2d(2, 3, 2), torch.nn.Tanh(), torch.nn.AvgPool2d(2)],
    "mean, padded": lambda: [torch.nn.Conv2d(2, 3, 2), torch.nn.AvgPool2d(3, 2, 1, count_include_pad=False)],
    "groups": lambda: [torch.nn.Conv2d(2, 4, 2), torch.nn.GroupNorm(2, 4), torch.nn.Tanh()],
    "groups, no parameters": lambda: [torch.nn.Conv2d(2, 4, 2), torch.nn.GroupNorm(4, 4, affine=False)],
    "groups of channels": lambda: [torch.nn.Flatten(), torch.nn.Linear(84, 6), torch.nn.GroupNorm(2, 6)],
    "sigmoid": lambda: [torch.nn.Linear(6, 5), torch.nn.Sigmoid(), torch.nn.Linear(5, 4)],
    "silu": lambda: [torch.nn.Conv2d(2, 3, 2), torch.nn.SiLU(), torch.nn.Conv2d(3, 2, 2)],
    "gelu": lambda: [torch.nn.Conv2d(2, 3, 2), torch.nn.GELU(), torch.nn.Conv2d(3, 2, 2)],
    "layer": lambda: [torch.nn.Conv2d(2, 3, 2), torch.nn.LayerNorm((6, 5)), torch.nn.Tanh()],
    "layer, all dimensions": lambda: [torch.nn.Linear(6, 5), torch.nn.LayerNorm((2, 7, 5))],
    "layer, no bias": lambda: [torch.nn.Linear(6, 5), torch.nn.LayerNorm(5, bias=False)],
    "layer, no parameters": lambda: [torch.nn.Linear(6, 5), torch.nn.LayerNorm(5, elementwise_affine=False)],
    "linear on sequences": lambda: [torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4, bias=False)],
}


def model(name):
    return AnyModule(lambda shape, classes: network(LAYERS[name](), shape, classes))


@pytest.mark.parametrize("name", LAYERS)
@settings(deadline=None, max_examples=6)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.integers(1, 5))
def test_plain_training_is_that_of_autograd(name, sizes, batch_size):
    jobs = [job(model(name), SMALL, k, n, batch_size=batch_size) for k, n in enumerate(sizes)]
    assert network_of(jobs[0].model, SMALL.features.shape[1:], SMALL.classes) is not None
    agree(jobs)


@pytest.mark.parametrize("name", sorted(LAYERS.keys() - {"layer, no bias"}))  # Opacus 1.6 fails on that one
@settings(deadline=None, max_examples=6)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=4), st.floats(0.1, 1.0))
def test_private_training_is_that_of_opacus(name, sizes, rate):
    jobs = [job(model(name), SMALL, k, n, private=steps(1 + k % 2, rate)) for k, n in enumerate(sizes)]
    agree(jobs)


TEXTS = tokens()
TABLES = {
    "sequences": lambda shape, classes: network([torch.nn.Embedding(7, 3)], shape, classes, torch.int64),
    "with layers above": lambda shape, classes: network(
        [torch.nn.Embedding(7, 3), torch.nn.Linear(3, 4), torch.nn.Tanh()], shape, classes, torch.int64
    ),
}


@pytest.mark.parametrize("private", [None, steps(3, 0.4)])
@pytest.mark.parametrize("name", TABLES)
def test_an_embedding_is_trained_as_by_torch(name, private):
    jobs = [job(AnyModule(TABLES[name]), TEXTS, k, 3 + 4 * k, private=private) for k in range(4)]
    assert network_of(jobs[0].model, (4,), TEXTS.classes) is not None
    agree(jobs)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("side", [8, 28])
@pytest.mark.parametrize("private", [None, steps(1, 0.4), steps(1, 1e-9, noise_multiplier=1.0)])
def test_a_step_of_the_convolutional_network_of_either_size(activation, side, private):
    data = images(count=30, shape=(1, side, side))
    jobs = [job(Cnn(activation=activation), data, k, 4, private=private) for k in range(8)]
    agree(jobs)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("side", [8, 28])
@pytest.mark.parametrize("private", [None, steps(3, 0.4)])
def test_rounding_stays_small_over_steps_of_the_convolutional_network(activation, side, private):
    # A pooling window whose two largest values differ in the last bit may choose the other one: steps add that up.
    data = images(count=30, shape=(1, side, side))
    jobs = [job(Cnn(activation=activation), data, k, 9 + k, private=private) for k in range(3)]
    for found, one in zip(training.train(jobs), jobs, strict=True):
        assert apart(found, alone.train(one), one) < 10 * CLOSE


@pytest.mark.parametrize(
    "layer",
    [
        torch.nn.Conv2d(2, 4, 3, groups=2),
        torch.nn.Conv2d(2, 3, 3, padding="same"),
        torch.nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"),
        torch.nn.Flatten(2),
    ],
)
def test_settings_that_no_rule_knows_are_left_to_torch(layer):
    unknown = AnyModule(lambda shape, classes: network([layer], shape, classes))
    assert network_of(unknown, SMALL.features.shape[1:], SMALL.classes) is None


def test_frozen_and_shared_parameters_are_left_to_torch():
    frozen, shared = torch.nn.Linear(6, 6).requires_grad_(False), torch.nn.Linear(6, 6)
    for layers in ([frozen], [shared, torch.nn.Tanh(), shared]):
        unusual = AnyModule(lambda shape, classes, layers=layers: network(layers, shape, classes))
        assert network_of(unusual, SMALL.features.shape[1:], SMALL.classes) is None


@pytest.mark.parametrize(
    ("positions", "height", "width", "form"), [(1, 4, 5, Product), (2, 20, 30, Product), (50, 2, 3, Explicit)]
)
def test_a_product_is_written_out_where_that_is_cheaper(positions, height, width, form):
    gradients = Product(torch.ones(1, 1, positions, height), torch.ones(1, 1, positions, width))
    assert isinstance(gradients.measured()[1], form)


def test_a_norm_survives_positions_that_cancel():
    inputs = torch.full((1, 1, 2, 30), 100.0)
    outputs = torch.stack([torch.full((20,), 100.0), torch.full((20,), -100.0 - 2**-10)]).view(1, 1, 2, 20)
    norms, _ = Product(outputs, inputs).measured()
    assert float(norms) == pytest.approx(20 * 30 * (100 * 2**-10) ** 2, rel=1e-3)


@pytest.mark.parametrize(("positions", "height", "width"), [(1, 4, 5), (2, 20, 30), (50, 2, 3)])
def test_norms_and_sums_are_those_of_written_out_gradients(positions, height, width):
    generator = torch.Generator().manual_seed(1)
    outputs = torch.rand(2, 3, positions, height, generator=generator)
    inputs = torch.rand(2, 3, positions, width, generator=generator)
    written = torch.einsum("kbto,kbtp->kbop", outputs, inputs)
    weights = torch.tensor([[0.5, 0.0, 2.0], [1.0, -1.0, 0.0]])
    for gradients in (Product(outputs, inputs), Explicit(written)):
        norms, measured = gradients.measured()
        assert torch.allclose(norms, written.square().sum((2, 3)), rtol=1e-5)
        for form in (gradients, measured):
            target = torch.ones(2, height, width)
            form.weighted(weights).add_to(target)
            assert torch.allclose(target, 1 + torch.einsum("kb,kbop->kop", weights, written), rtol=1e-4, atol=1e-5)
