import subprocess
import sys

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from privacy.errors import ScenarioError
from scenarios.datasets import Digits, HeartDisease, load
from scenarios.models import (
    AnyModel,
    Cnn,
    Hog,
    Logistic,
    Mlp,
    ModelParameters,
    RandomFeatures,
    Scattering,
    Sequential,
    assign_parameters,
    initialise,
    named_arrays,
    parameters_of,
    prepared,
)

WRITTEN = Sequential(layers=({"kind": "linear", "outputs": 8}, "layer-norm", "tanh"))
MODELS: list[AnyModel] = [Logistic(), Mlp(), Cnn(), Scattering(), Hog(), RandomFeatures(), WRITTEN]
IMAGES: list[AnyModel] = [Cnn(), Scattering(), Hog()]
FIXED: list[AnyModel] = [
    Scattering(),
    Scattering(scale=1),
    Hog(),
    Hog(cell=7, orientations=6),
    RandomFeatures(),
    RandomFeatures(features=7, draw=3),
]


def kind_of(model: AnyModel) -> str:
    return model.kind


def images(count: int, side: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).random((count, channels, side, side), dtype=np.float32)


@pytest.mark.parametrize(
    ("model", "shape", "parameters"),
    [
        (Logistic(), (1, 28, 28), 784 * 10 + 10),
        (Mlp(), (1, 28, 28), 784 * 64 + 64 + 64 * 10 + 10),
        (Mlp(hidden=(5, 3)), (4,), 4 * 5 + 5 + 5 * 3 + 3 + 3 * 10 + 10),
        (Cnn(), (1, 28, 28), 26_010),
        (Cnn(), (1, 8, 8), (9 * 16 + 16) + (16 * 16 * 32 + 32) + (32 * 32 + 32) + (32 * 10 + 10)),
        (Scattering(), (3969,), 3969 * 10 + 10),
        (Hog(), (1296,), 1296 * 10 + 10),
        (RandomFeatures(), (500,), 500 * 10 + 10),
    ],
)
def test_a_model_has_the_parameters_counted_by_hand(model: AnyModel, shape: tuple[int, ...], parameters: int) -> None:
    assert len(parameters_of(model.build(shape, 10))) == parameters


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 30), (1, 8, 8), (2, 13, 16)])
@pytest.mark.parametrize("model", [*MODELS, *FIXED, Mlp(hidden=(5, 3))], ids=repr)
def test_the_size_said_beforehand_is_that_of_the_built_model(model: AnyModel, shape: tuple[int, ...]) -> None:
    if isinstance(model, Hog) and model.cell == 7 and min(shape[1:]) < 14:
        with pytest.raises(ScenarioError):
            model.size(shape, 10)
        return
    features = model.features(np.zeros((1, *shape), np.float32))
    assert model.size(shape, 10) == len(parameters_of(model.build(features.shape[1:], 10)))


@pytest.mark.parametrize("side", [7, 8, 13, 14, 15, 28, 33])
def test_the_cnn_fits_images_of_any_size_it_takes(side: int) -> None:
    module = Cnn().build((3, side, side + 2), 10)

    assert module(torch.zeros(2, 3, side, side + 2)).shape == (2, 10)


@pytest.mark.parametrize("model", MODELS, ids=kind_of)
def test_an_empty_batch_passes(model: AnyModel) -> None:
    features = model.features(images(1, 28))

    assert model.build(features.shape[1:], 10)(torch.from_numpy(features[:0])).shape == (0, 10)


@pytest.mark.parametrize(
    ("model", "side", "features"),
    [
        (Scattering(), 28, 81 * 7 * 7),
        (Scattering(), 8, 9 * 4 * 4),
        (Scattering(scale=1), 28, 9 * 14 * 14),
        (Hog(), 28, 6 * 6 * 4 * 9),
        (Hog(), 8, 3 * 3 * 4 * 9),
        (RandomFeatures(features=12), 8, 12),
    ],
)
def test_fixed_features_have_the_number_counted_by_hand(model: AnyModel, side: int, features: int) -> None:
    assert model.features(images(2, side)).shape == (2, features)


@pytest.mark.parametrize("model", FIXED, ids=repr)
def test_features_do_not_depend_on_other_records(model: AnyModel) -> None:
    several = images(5, 28)
    changed = several.copy()
    changed[1:] = 1.0

    assert np.array_equal(model.features(several)[0], model.features(changed)[0])
    assert np.allclose(model.features(several)[0], model.features(several[:1])[0], atol=1e-5)


def test_features_have_the_same_bits_at_any_number_of_threads() -> None:
    threads = torch.get_num_threads()
    several = images(300, 28)
    try:
        torch.set_num_threads(1)
        one = Scattering().features(several)
        torch.set_num_threads(4)
        four = Scattering().features(several)
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(threads)

    assert np.array_equal(one, four)


@pytest.mark.parametrize("model", FIXED, ids=repr)
def test_features_of_colour_images_are_finite(model: AnyModel) -> None:
    features = model.features(images(2, 28, channels=3))

    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert np.isfinite(model.features(np.zeros((1, 1, 28, 28), np.float32))).all()


def test_random_features_are_centred_and_of_norm_one() -> None:
    features = RandomFeatures(features=50).features(images(4, 8))

    assert np.linalg.norm(features, axis=1) == pytest.approx([1, 1, 1, 1], abs=1e-6)
    assert features.sum(axis=1) == pytest.approx([0, 0, 0, 0], abs=1e-5)


def test_another_draw_gives_other_random_features_and_the_same_draw_the_same() -> None:
    table = np.random.default_rng(0).uniform(-1, 1, (3, 5)).astype(np.float32)

    assert np.array_equal(RandomFeatures().features(table), RandomFeatures().features(table))
    assert not np.allclose(RandomFeatures().features(table), RandomFeatures(draw=1).features(table))


def ridge_accuracy(features: np.ndarray, labels: np.ndarray) -> float:
    """On every fifth record, of a ridge regression on the others."""
    test = np.arange(len(labels)) % 5 == 0
    train = features[~test].astype(np.float64)
    gram = train.T @ train + 1e-4 * len(train) * np.eye(train.shape[1])
    weights = np.linalg.solve(gram, train.T @ np.eye(labels.max() + 1)[labels[~test]])
    return float((np.argmax(features[test] @ weights, axis=1) == labels[test]).mean())


@pytest.mark.parametrize(("dataset", "least"), [(Digits(), 0.96), (HeartDisease(), 0.75)], ids=["images", "table"])
def test_a_ridge_regression_on_random_features_learns(dataset: Digits | HeartDisease, least: float) -> None:
    data = load(dataset)

    assert ridge_accuracy(RandomFeatures().features(data.inputs), data.labels) > least


def test_the_number_of_random_features_keeps_its_key() -> None:
    adapter: TypeAdapter[AnyModel] = TypeAdapter(ModelParameters)
    written = {"kind": "random-features", "features": 20, "draw": 0}

    assert adapter.validate_python(written) == RandomFeatures(features=20)
    assert RandomFeatures(features=20).model_dump(mode="json") == written


@pytest.mark.parametrize("model", IMAGES, ids=kind_of)
def test_a_model_for_images_refuses_a_table_and_names_what_is_valid(model: AnyModel) -> None:
    with pytest.raises(ScenarioError, match=f'"{model.kind}" needs images.*use "logistic" or "mlp"'):
        prepared(model, load(HeartDisease()))


@pytest.mark.parametrize("model", [*IMAGES, Scattering(scale=2), Hog(cell=8)], ids=repr)
def test_a_model_for_images_refuses_those_that_are_too_small(model: AnyModel) -> None:
    with pytest.raises(ScenarioError, match="not 3 x 3"):
        model.features(images(1, 3))


def test_what_is_prepared_is_the_features_of_the_records() -> None:
    digits = load(Digits())

    assert np.array_equal(prepared(Scattering(), digits)[:250], Scattering().features(digits.inputs[:250]))
    assert prepared(Scattering(), digits) is prepared(Scattering(), digits)
    assert prepared(Logistic(), digits) is digits.inputs


@pytest.mark.parametrize("model", MODELS, ids=kind_of)
def test_building_and_initialising_leaves_torchs_global_generator_alone(model: AnyModel) -> None:
    before = torch.random.get_rng_state()

    features = model.features(images(1, 28))
    initialise(model.build(features.shape[1:], 10), torch.Generator().manual_seed(0))

    assert torch.equal(before, torch.random.get_rng_state())


def test_starting_weights_follow_the_generator_and_pytorchs_bounds() -> None:
    def start(seed: int) -> dict[str, np.ndarray]:
        module = Cnn().build((1, 28, 28), 10)
        initialise(module, torch.Generator().manual_seed(seed))
        return named_arrays(module, parameters_of(module))

    one, again, other = start(0), start(0), start(1)

    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert not np.array_equal(one["0.weight"], other["0.weight"])
    # The first convolution sees 1 x 8 x 8 values: 1/8. The first linear layer sees 512: 1/sqrt(512).
    assert 0.95 / 8 < np.abs(one["0.weight"]).max() <= 1 / 8
    assert 0.95 * 512**-0.5 < np.abs(one["7.weight"]).max() <= 512**-0.5


@pytest.mark.parametrize("model", [Logistic(), Scattering(), Hog(), RandomFeatures()], ids=kind_of)
def test_a_linear_model_starts_at_zero(model: AnyModel) -> None:
    module = model.build((6,), 3)
    initialise(module, torch.Generator().manual_seed(0))

    assert not parameters_of(module).any()


def test_layers_that_are_not_known_are_not_left_uninitialised() -> None:
    with pytest.raises(ValueError, match="only linear, convolutional and normalising"):
        initialise(torch.nn.BatchNorm1d(3), torch.Generator())


def test_the_vector_that_travels_comes_back_whole() -> None:
    module = Mlp(hidden=(3,)).build((2,), 2)
    vector = np.arange(17, dtype=np.float32)

    assign_parameters(module, vector)

    assert np.array_equal(parameters_of(module), vector)
    arrays = named_arrays(module, vector)
    assert {name: array.shape for name, array in arrays.items()} == {
        "1.weight": (3, 2),
        "1.bias": (3,),
        "3.weight": (2, 3),
        "3.bias": (2,),
    }
    assert arrays["1.weight"].tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("length", [0, 16, 18])
def test_a_vector_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="the model has 17 parameters"):
        assign_parameters(Mlp(hidden=(3,)).build((2,), 2), np.zeros(length, np.float32))


def test_hidden_layers_are_given_as_a_list_of_integers() -> None:
    adapter: TypeAdapter[AnyModel] = TypeAdapter(ModelParameters)

    assert adapter.validate_python({"kind": "mlp", "hidden": [32, 16]}) == Mlp(hidden=(32, 16))
    for wrong in ([], [0], [1.5], ["32"], 32):
        with pytest.raises(ValidationError):
            adapter.validate_python({"kind": "mlp", "hidden": wrong})


def test_a_misspelt_model_lists_the_valid_ones() -> None:
    with pytest.raises(ValidationError, match="'logistic', 'mlp', 'cnn', 'scattering', 'hog', 'random-features'"):
        TypeAdapter(ModelParameters).validate_python({"kind": "cnm"})


def test_building_a_model_does_not_wait_for_sympy() -> None:
    code = "import sys; from scenarios.models import Cnn; Cnn().build((1, 28, 28), 10); print('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
