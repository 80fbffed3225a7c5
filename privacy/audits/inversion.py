"""Gradient inversion: the records behind an update, from the update, the model it changed and how it is trained.

Two attacks. Where the first layer is fully connected with a bias the record stands in the update and is read off
(analytic). Otherwise a record is looked for whose gradient points where the update does (matching).
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

_LEAST_BIAS = 1e-3
"""A row whose bias moved less than so much of the largest is left out: it would be mostly rounding."""

_ITERATIONS = 100

_SMOOTHNESS = 0.0036
"""The variation's weight: the largest of those tried at which edges still come out, at 28 and at 8 pixels a side."""

_STEP = 0.1
_START = 0.01

_FOUND = 0.01
"""1 - cosine similarity: searches that found their record ended at 0.005 and less, those that got stuck above 0.03."""


def read_off(weights: Floats, biases: Floats, records: int) -> Floats:
    """What stands in the change of a first, fully connected layer, float64[k, d] from [h, d] and [h].

    Of one record x each row's change is a multiple of x, and the bias' change is that multiple (Phong et al. 2017, IACR
    2017/715, section 3), however many steps of whatever length there were. Rows and biases together then are of rank
    one, and their first right singular vector is (x, 1) but for its length: of all fits the one that noise in either
    disturbs least. Of several records a row divided by its bias mixes those that activate it, and is exact where it is
    one: each row is a picture of its own. Nothing where no bias moved.
    """
    moved = np.abs(biases) > _LEAST_BIAS * np.abs(biases).max(initial=0.0)
    if not moved.any():
        return np.empty((0, weights.shape[1]))
    if records == 1:
        direction = _first_direction(np.column_stack([weights, biases]), biases)
        return np.asarray((direction[:-1] / direction[-1])[None], np.float64)
    return np.asarray(weights[moved] / biases[moved, None], np.float64)


def labels_behind(gradient: Floats, records: int) -> Labels:
    """The classes of the records, int64[records] ascending, from the last bias' mean gradient, float64[classes].

    Of one record only its own class has a negative gradient, p - 1 (Zhao et al. 2020, arXiv 2001.02610). Of several
    each takes 1 / records off its class: whichever is lowest is named, and what one record takes off is put back.
    """
    left, counts = np.array(gradient, np.float64), np.zeros(len(gradient), np.int64)
    for _ in range(records):
        lowest = int(left.argmin())
        counts[lowest] += 1
        left[lowest] += 1.0 / records
    return np.repeat(np.arange(len(counts)), counts)


def matched(
    module: torch.nn.Module, gradient: Sequence[Tensor], labels: Labels, starts: Iterable[Tensor], steps: int
) -> Floats:
    """Records of these labels whose mean gradient points where `gradient` does, float64[n, d] with values in 0..1.

    Adam on the signs of the gradient of 1 - cosine similarity plus total variation (Geiping et al. 2020, arXiv
    2003.14053, equation 4). Deviating from it, the variation's weight and the step's length fall to 0 with the steps:
    at first no edge is believed, in the end only the gradient is. `starts` [n, channels, height, width] are where
    searches begin, draws around 0: a search may get stuck, which its distance shows, and then the next is tried. Of all
    tried the one with the least distance counts. The module must hold the parameters that the update began from.
    """
    best: tuple[float, Tensor] | None = None
    for start in starts:
        found = _searched(module, gradient, torch.tensor(labels), start, steps)
        if best is None or found[0] < best[0]:
            best = found
        if best[0] < _FOUND:
            break
    if best is None:
        raise ValueError("there is nowhere to begin a search")
    return np.asarray(best[1].flatten(1).numpy(), np.float64)


def _first_direction(rows: Floats, mixture: Floats) -> Floats:
    """The first right singular vector of [h, d] by power iteration from a mixture of its rows."""
    for _ in range(_ITERATIONS):
        direction = mixture @ rows
        mixture = rows @ (direction / np.linalg.norm(direction))
    return np.asarray(direction, np.float64)


def _searched(
    module: torch.nn.Module, gradient: Sequence[Tensor], labels: Tensor, start: Tensor, steps: int
) -> tuple[float, Tensor]:
    """The distance that is left, and the records."""
    parameters, norm = list(module.parameters()), _length(gradient)
    found, distance = (_START * start).requires_grad_(True), torch.tensor(1.0)
    optimizer = torch.optim.Adam([found], lr=_STEP)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = _STEP * 0.5 * (1.0 + math.cos(math.pi * step / steps))
        loss = torch.nn.functional.cross_entropy(module(found), labels)
        own = torch.autograd.grad(loss, parameters, create_graph=True)
        along = torch.stack([(one * other).sum() for one, other in zip(own, gradient, strict=True)]).sum()
        distance = 1.0 - along / (_length(own) * norm)
        wanted = distance + _SMOOTHNESS * (1.0 - step / steps) * _variation(found)
        found.grad = torch.autograd.grad(wanted, found)[0].sign()
        optimizer.step()
        with torch.no_grad():
            found.clamp_(0.0, 1.0)
    return float(distance.detach()), found.detach()


def _length(gradient: Sequence[Tensor]) -> Tensor:
    return torch.stack([one.square().sum() for one in gradient]).sum().sqrt() + 1e-12


def _variation(pictures: Tensor) -> Tensor:
    """The mean slope, across and down, over a picture's width and height: a finer picture of the same has the same."""
    height, width = pictures.shape[-2:]
    return width * pictures.diff(dim=-1).abs().mean() + height * pictures.diff(dim=-2).abs().mean()
