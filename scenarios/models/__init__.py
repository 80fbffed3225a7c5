"""Models by name: each kind is one file with its parameters, its fixed features and the module trained on them."""

import functools
from typing import Annotated

from pydantic import Field

from scenarios import cache
from scenarios.datasets.dataset import Dataset, Inputs
from scenarios.models.cnn import Cnn
from scenarios.models.hog import Hog
from scenarios.models.logistic import Logistic
from scenarios.models.mlp import Mlp
from scenarios.models.random_features import RandomFeatures
from scenarios.models.scattering import Scattering
from scenarios.models.sequential import Sequential
from scenarios.models.weights import assign_parameters, initialise, named_arrays, parameters_of

__all__ = [
    "AnyModel",
    "Cnn",
    "Hog",
    "Logistic",
    "Mlp",
    "ModelParameters",
    "RandomFeatures",
    "Scattering",
    "Sequential",
    "assign_parameters",
    "initialise",
    "named_arrays",
    "parameters_of",
    "prepared",
]

AnyModel = Logistic | Mlp | Cnn | Scattering | Hog | RandomFeatures | Sequential
ModelParameters = Annotated[AnyModel, Field(discriminator="kind")]


def prepared(parameters: AnyModel, dataset: Dataset) -> Inputs:
    """What the model's module is fed: float32[n, ...], read-only, computed once a process and kept on disk.

    Raises ScenarioError where the model cannot take the records.
    """
    recipe = parameters.recipe()
    if not recipe:
        return parameters.features(dataset.inputs)
    return _kept(recipe, parameters, dataset)


@functools.lru_cache(maxsize=4)
def _kept(recipe: str, parameters: AnyModel, dataset: Dataset) -> Inputs:
    return cache.recall(f"{recipe} of {dataset.fingerprint}", lambda: parameters.features(dataset.inputs))
