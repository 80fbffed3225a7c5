"""A linear model on random ReLU features that nobody trained and that everybody can draw again.

Source: Rahimi & Recht 2008, "Weighted sums of random kitchen sinks"; made for the additive statistics of
`privacy.statistics`. Weights and biases come from a stream of their own and not from the scenario's seed: they are
public. Each record is centred and scaled by itself, so no statistic of the data set is used.
"""

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import ConfigDict, Field

from privacy.parameters import Parameters
from scenarios import seeds
from scenarios.datasets.dataset import Inputs
from scenarios.models.logistic import linear_classifier, linear_size

if TYPE_CHECKING:
    import torch

_BIAS = 0.1
"""Standard deviation of b. Measured: images do as well without, a table of 35 columns wants 0.1 or more."""

_LEAST_NORM = 1e-12
_CHUNK = 2000


class RandomFeatures(Parameters):
    """`model = { kind = "random-features", features = 500 }`.

    phi(x) = r - mean(r) with r = relu(W x + b), divided by its norm; W ~ N(0, 1 / values of a record), b ~ N(0, 0.1^2).
    The mean over a record's own features says little about its class and is most of r's norm, which under privacy is
    what a record may weigh.
    """

    # `features` is the key in a scenario and also what every model's function is called.
    model_config = ConfigDict(serialize_by_alias=True)

    kind: Literal["random-features"] = "random-features"
    count: int = Field(default=500, ge=2, le=8192, alias="features")
    """How many features there are."""
    draw: int = Field(default=0, ge=0)
    """Which set of random features; another number is another set."""

    def recipe(self) -> str:
        """What determines the features, beside the records."""
        return f"random-features 1, {self.count}, draw {self.draw}, numpy {np.__version__}"

    def features(self, inputs: Inputs) -> Inputs:
        """float32[n, features] of float32[n, ...], each of norm 1 or, where a record has no active feature, 0."""
        values = math.prod(inputs.shape[1:])
        drawn = seeds.stream(self.draw, "random-features").standard_normal((self.count, values + 1))
        weights, biases = drawn[:, :values].T / math.sqrt(values), drawn[:, values] * _BIAS
        features = np.empty((len(inputs), self.count), np.float32)
        for start in range(0, len(inputs), _CHUNK):
            records = inputs[start : start + _CHUNK].reshape(-1, values).astype(np.float64)
            active = np.maximum(records @ weights + biases, 0.0)
            centred = active - active.mean(axis=1, keepdims=True)
            norms = np.linalg.norm(centred, axis=1, keepdims=True)
            features[start : start + _CHUNK] = centred / np.maximum(norms, _LEAST_NORM)
        return features

    def size(self, record: tuple[int, ...], classes: int) -> int:
        """How many parameters the model has, whatever the shape of a record."""
        return linear_size((self.count,), classes)

    def build(self, input_shape: tuple[int, ...], classes: int) -> "torch.nn.Module":
        """A linear module of zeros from float32[batch, *input_shape], the features, to float32[batch, classes]."""
        return linear_classifier(input_shape, classes)
