"""Jobs made up for the tests of cohort training."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from unittest import mock

import numpy as np
import torch

from clients import alone, training
from clients.batches import noise_of
from clients.cohort import first_layer
from clients.cohort.network import network_of
from clients.jobs import Job
from privacy.ledger import Charge
from privacy.sampled_gaussian import draw_gaussian
from privacy.steps import MECHANISM, PrivateSteps
from scenarios.models.weights import parameters_of
from scenarios.schema import Training


@dataclass(frozen=True)
class AnyModule:
    """A model of the module that `make(input_shape, classes)` returns."""

    make: Callable[[tuple[int, ...], int], torch.nn.Module]

    def build(self, input_shape, classes):
        return self.make(input_shape, classes)


@dataclass(frozen=True)
class Data:
    """A resident data set: features and labels of all records, read-only."""

    features: np.ndarray
    labels: np.ndarray
    classes: int


def images(count=120, shape=(1, 8, 8), classes=3, seed=5):
    rng = np.random.default_rng(seed)
    return frozen(rng.random((count, *shape), dtype=np.float32), rng.integers(0, classes, count), classes)


def tokens(count=120, length=4, vocabulary=7, classes=3, seed=5):
    rng = np.random.default_rng(seed)
    return frozen(rng.integers(0, vocabulary, (count, length)), rng.integers(0, classes, count), classes)


def frozen(features, labels, classes):
    features.setflags(write=False)
    labels.setflags(write=False)
    return Data(features, labels, classes)


def start_of(model, data, seed=9):
    """The same random parameters for every client, neither so small nor so large that anything saturates."""
    module = model.build(data.features.shape[1:], data.classes)
    size = len(parameters_of(module))
    return np.random.default_rng(seed).normal(0.0, 0.3, size).astype(np.float32)


def steps(count, sampling_rate, **changes):
    """DP-SGD with so little noise that a wrong gradient shows, and a clip norm that clips some records, not all."""
    plan = {"noise_multiplier": 1e-3, "clip_norm": 1.0, "learning_rate": 0.05, "momentum": 0.0, **changes}
    charge = Charge("all", MECHANISM, plan["noise_multiplier"], sampling_rate, count)
    return PrivateSteps(charges=(charge,), steps=count, **plan)


def job(model, data, client, records, private=None, start=None, **changes):
    settings = {"epochs": 1, "batch_size": 4, "learning_rate": 0.05, "momentum": 0.0, **changes}
    return Job(
        seed=3,
        client=client,
        round=2,
        model=model,
        classes=data.classes,
        start=start_of(model, data) if start is None else start,
        features=data.features,
        labels=data.labels,
        records=np.arange(client, client + records, dtype=np.int64),
        training=Training(**settings),
        private=private,
    )


CLOSE = 1e-5


def agree(jobs):
    """Trained together, every client has the update it has alone."""
    for found, one in zip(training.train(jobs), jobs, strict=True):
        assert apart(found, by_itself(one), one) < CLOSE


def by_itself(one):
    """The job trained with torch and Opacus, step by step, on the whole model, from the noise that a cohort draws.

    Where a cohort draws only what it needs of the noise, the rest is drawn here.
    """
    network = network_of(one.model, one.features.shape[1:], one.classes)
    if network is None or one.private is None or not first_layer.serves(network, one):
        return alone.train(one)
    drawn = Given(values for step in steps_of_noise(network, one, one.private) for values in step)
    with mock.patch.object(alone, "noise_of", return_value=drawn):
        trained = alone.train(one)
    assert drawn.used_up
    return trained


class Given:
    """Noise that is there already."""

    def __init__(self, arrays):
        self._arrays = iter(list(arrays))

    def fill(self, out):
        out[:] = next(self._arrays).ravel()
        return out

    @property
    def used_up(self):
        return next(self._arrays, None) is None


def span_of(network, one):
    """The span of a job's rows, as the cohort has it."""
    return first_layer._span(network, first_layer._Itself(one.features), one.records.tobytes())


def steps_of_noise(network, one, plan):
    """Standard normal numbers for each step and parameter: the cohort's within the span, and what sums up to it beside.

    Beside the span the cohort draws sum(w * N) of the steps' N only, w being how much of a step's noise the last
    weights have in them. Given that sum and what is left of it, a step's own N is normal again, which is drawn here.
    """
    basis = span_of(network, one).basis
    source, rest = noise_of(one), torch.Generator().manual_seed(1)
    small = (network.shapes[0][0], len(basis)), *network.shapes[1:]
    within = [[draw_gaussian(torch.empty(shape), 1.0, source) for shape in small] for _ in range(plan.steps)]
    weights = np.cumsum(plan.momentum ** np.arange(plan.steps))[::-1]
    missing = draw_gaussian(torch.empty(network.shapes[0]), 1.0, source)
    missing *= -float(np.linalg.norm(weights))  # a step goes against the gradient and its noise
    for step, (weight, (own, *others)) in enumerate(zip(weights, within, strict=True)):
        left = float(np.sum(weights[step:] ** 2))
        chance = math.sqrt(max(0.0, 1.0 - weight**2 / left)) * torch.randn(network.shapes[0], generator=rest)
        beside = missing * (float(weight) / left) + chance
        missing -= float(weight) * beside
        yield [values.numpy() for values in (own @ basis + beside - beside @ basis.T @ basis, *others)]


def apart(found, expected, one):
    """How far two updates of a job are apart, relative to the second.

    Where it is short beside the parameters, what counts is the resolution of float32, in which they are added.
    """
    return float(np.linalg.norm(found - expected) / max(np.linalg.norm(expected), 0.05 * np.linalg.norm(one.start)))
