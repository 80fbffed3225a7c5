"""1,797 handwritten digits of 8 x 8 pixels, as scikit-learn ships them."""

from typing import Literal

import numpy as np

from privacy.parameters import Parameters
from scenarios.datasets.dataset import Dataset

_FULL_INK = 16.0  # each pixel counts the inked dots of a 4 x 4 block


class Digits(Parameters):
    """`dataset = "digits"`: ten classes, float32[1797, 1, 8, 8], no groups."""

    kind: Literal["digits"] = "digits"

    def load(self) -> Dataset:
        """Read scikit-learn's packaged copy."""
        from sklearn.datasets import load_digits

        images, labels = load_digits(return_X_y=True)
        return Dataset(
            inputs=(images.reshape(-1, 1, 8, 8) / _FULL_INK).astype(np.float32),
            labels=labels.astype(np.int64),
            classes=tuple("0123456789"),
            groups=None,
            group_names=(),
            source="Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, UCI), as packaged by scikit-learn",
            licence="CC BY 4.0",
        )
