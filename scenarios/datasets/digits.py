"""1,797 handwritten digits of 8 x 8 pixels, as scikit-learn ships them."""

from importlib import metadata
from typing import Literal

import numpy as np
import numpy.typing as npt

from privacy.parameters import Parameters
from scenarios import cache
from scenarios.datasets.dataset import Dataset

_FULL_INK = np.float32(16)  # each pixel counts the inked dots of a 4 x 4 block


class Digits(Parameters):
    """`dataset = "digits"`: ten classes, float32[1797, 1, 8, 8], no keys."""

    kind: Literal["digits"] = "digits"

    def load(self) -> Dataset:
        """Read scikit-learn's packaged copy; what it holds is kept in the cache, since importing it takes 1 s."""
        rows = cache.recall(f"digits 1, scikit-learn {metadata.version('scikit-learn')}", _decode)
        return Dataset(
            inputs=(rows[:, :-1].reshape(-1, 1, 8, 8) / _FULL_INK).astype(np.float32),
            labels=rows[:, -1].astype(np.int64),
            classes=tuple("0123456789"),
            keys={},
            source="Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, UCI), as packaged by scikit-learn",
            licence="CC BY 4.0",
        )


def _decode() -> npt.NDArray[np.uint8]:
    """uint8[1797, 65]: 64 pixels and the label of each image."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    return np.column_stack([images, labels]).astype(np.uint8)
