"""Federated averaging (McMahan et al. 2017, arXiv 1602.05629)."""

import numpy as np

from privacy.view import Vector, View


def apply(model: Vector, view: View) -> Vector:
    """Add the weighted mean of the updates. Weights of clients that fell out are shared by the others."""
    if view.weight == 0.0:
        return model
    next_model: Vector = (model.astype(np.float64) + view.total / view.weight).astype(np.float32)
    return next_model
