"""A network written down layer by layer: what it builds, how it begins, and what is refused."""

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from pydantic import ValidationError

from privacy.errors import ScenarioError
from scenarios.models import Cnn, Mlp, Sequential, initialise, named_arrays, parameters_of
from scenarios.models.sequential import MOST_PARAMETERS, AnyLayer

OPACUS = [
    {"kind": "conv2d", "channels": 16, "kernel": 8, "stride": 2, "padding": 3},
    "relu",
    {"kind": "max-pool2d", "stride": 1},
    {"kind": "conv2d", "channels": 32, "kernel": 4, "stride": 2},
    "relu",
    {"kind": "max-pool2d", "stride": 1},
    {"kind": "linear", "outputs": 32},
    "relu",
]


def of(*layers: object) -> Sequential:
    return Sequential.model_validate({"kind": "sequential", "layers": list(layers)})


def started(model: Sequential | Cnn | Mlp, shape: tuple[int, ...]) -> torch.nn.Module:
    module = model.build(shape, 10)
    initialise(module, torch.Generator().manual_seed(4))
    return module


@pytest.mark.parametrize(
    ("written", "named", "shape"),
    [
        (of(*OPACUS), Cnn(activation="relu"), (1, 28, 28)),
        (of({"kind": "linear", "outputs": 64}, "relu"), Mlp(), (1, 28, 28)),
        (of({"kind": "linear", "outputs": 6}, "tanh"), Mlp(hidden=(6,), activation="tanh"), (5,)),
    ],
    ids=["cnn", "mlp on images", "mlp on a table"],
)
def test_a_model_that_has_a_name_can_be_written_down(
    written: Sequential, named: Cnn | Mlp, shape: tuple[int, ...]
) -> None:
    records = torch.rand(7, *shape, generator=torch.Generator().manual_seed(1))
    ours, theirs = started(written, shape), started(named, shape)

    assert np.array_equal(parameters_of(ours), parameters_of(theirs))
    assert torch.equal(ours(records), theirs(records))


LAYERS = st.one_of(
    st.sampled_from(["relu", "tanh", "sigmoid", "silu", "gelu", "layer-norm", "max-pool2d", "avg-pool2d"]),
    st.builds(lambda outputs: {"kind": "linear", "outputs": outputs}, st.integers(1, 9)),
    st.builds(lambda groups: {"kind": "group-norm", "groups": groups}, st.integers(1, 4)),
    st.builds(
        lambda channels, kernel, stride, padding: {
            "kind": "conv2d",
            "channels": channels,
            "kernel": kernel,
            "stride": stride,
            "padding": padding,
        },
        *(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), st.integers(0, 2)),
    ),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(LAYERS, min_size=1, max_size=6), st.sampled_from([(3,), (1,), (2, 9, 7), (1, 28, 28)]))
def test_what_is_not_refused_has_the_size_said_and_no_layer_looks_at_two_records(
    layers: list[object], shape: tuple[int, ...]
) -> None:
    model = of(*layers)
    try:
        size = model.size(shape, 4)
    except ScenarioError as error:
        [problem] = error.problems
        assert problem.startswith("model.layers[")
        return
    module = model.build(shape, 4)
    initialise(module, torch.Generator().manual_seed(0))
    records = torch.rand(3, *shape, generator=torch.Generator().manual_seed(1))

    assert len(parameters_of(module)) == size
    assert torch.allclose(module(records)[:1], module(records[:1]), atol=1e-5)
    assert module(records[:0]).shape == (0, 4)


def test_every_layer_can_be_drawn_above() -> None:
    told = {kind for layer in AnyLayer.__args__ for kind in [layer.model_fields["kind"].default]}
    drawn = "relu tanh sigmoid silu gelu layer-norm max-pool2d avg-pool2d linear group-norm conv2d"
    assert told == set(drawn.split())


def test_normalisation_begins_with_factors_of_one_and_offsets_of_zero() -> None:
    layers = "layer-norm", {"kind": "linear", "outputs": 4}, {"kind": "group-norm", "groups": 2}, "relu"
    module = started(of(*layers), (6,))
    start = named_arrays(module, parameters_of(module))

    assert all((start[name] == 1).all() for name in ("0.weight", "2.weight"))
    assert not any(start[name].any() for name in ("0.bias", "2.bias"))
    assert start["1.weight"].all()
    assert start["5.weight"].all()


@pytest.mark.parametrize(
    ("layers", "shape", "problem"),
    [
        ([{"kind": "conv2d", "channels": 2}], (5,), r"model.layers\[0\].kind: needs images, .* the shape \(5,\)"),
        (["relu", {"kind": "max-pool2d"}], (1, 1, 4), r"\[1\].kind: a window of 2 x 2 .* does not fit into 1 x 4$"),
        ([{"kind": "conv2d", "channels": 2, "kernel": 9, "padding": 2}], (1, 4, 4), "into 4 x 4, with padding 2"),
        ([{"kind": "linear", "outputs": 4}, "avg-pool2d"], (1, 4, 4), r"\[1\].kind: needs images"),
        ([{"kind": "group-norm", "groups": 2}], (3, 4, 4), "2 groups cannot share 3 channels equally"),
        ([{"kind": "group-norm", "groups": 4}], (4,), "a group of one value would always be 0"),
        ([{"kind": "linear", "outputs": 1}, "layer-norm"], (4,), "would always be 0"),
        (
            ["relu", {"kind": "conv2d", "channels": 4096, "padding": 64}],
            (1, 28, 28),
            r"\[1\].*at most 4,000,000 can be",
        ),
        ([{"kind": "linear", "outputs": 65_536}] * 2, (4,), "at most 100,000,000 can be trained"),
    ],
)
def test_what_a_layer_cannot_take_is_refused_by_its_number(
    layers: list[object], shape: tuple[int, ...], problem: str
) -> None:
    with pytest.raises(ScenarioError, match=problem):
        of(*layers).size(shape, 10)


def test_the_largest_model_is_as_large_as_is_said() -> None:
    assert of({"kind": "linear", "outputs": 50_000}).size((1987,), 10) <= MOST_PARAMETERS
    with pytest.raises(ScenarioError):
        of({"kind": "linear", "outputs": 50_000}).size((1990,), 10)


@pytest.mark.parametrize("layers", [[], ["linear"], ["batch-norm"], ["dropout"], [{"kind": "relu", "slope": 1.0}]])
def test_what_is_no_layer_is_refused(layers: list[object]) -> None:
    with pytest.raises(ValidationError):
        of(*layers)
