"""Between a torch module and the flat vector that travels: float32[d] in the order of `module.parameters()`."""

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Vector = npt.NDArray[np.float32]


def initialise(module: "torch.nn.Module", generator: "torch.Generator") -> None:
    """Draw starting weights from `generator` alone, uniform within PyTorch's own bounds, 1 / sqrt(fan-in).

    Normalisation begins with factors of 1 and offsets of 0. A module of a single layer starts at zero: its loss is
    convex, so a random start would only add noise. Raises ValueError for a module with parameters in other layers.
    """
    import torch

    drawn = [part for part in module.modules() if isinstance(part, torch.nn.Linear | torch.nn.Conv2d)]
    fixed = [part for part in module.modules() if isinstance(part, torch.nn.GroupNorm | torch.nn.LayerNorm)]
    covered = sum(parameter.numel() for layer in [*drawn, *fixed] for parameter in layer.parameters())
    if covered != sum(parameter.numel() for parameter in module.parameters()):
        raise ValueError("only linear, convolutional and normalising layers are initialised here")
    with torch.no_grad():
        for normalising in fixed:
            normalising.weight.fill_(1.0)
            normalising.bias.zero_()
        for layer in drawn:
            bound = 1.0 / math.sqrt(layer.weight[0].numel())
            for parameter in layer.parameters():
                if len(drawn) + len(fixed) == 1:
                    parameter.zero_()
                else:
                    parameter.uniform_(-bound, bound, generator=generator)


def parameters_of(module: "torch.nn.Module") -> Vector:
    """A copy of all parameters as float32[d]."""
    return np.concatenate([parameter.detach().numpy().ravel() for parameter in module.parameters()])


def assign_parameters(module: "torch.nn.Module", vector: Vector) -> None:
    """Set all parameters from float32[d]. Raises ValueError for another length."""
    import torch

    arrays = named_arrays(module, vector)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.tensor(arrays[name]))


def named_arrays(module: "torch.nn.Module", vector: Vector) -> dict[str, Vector]:
    """The vector cut into the module's named parameters, each in its shape. Raises ValueError for another length."""
    shapes = {name: tuple(parameter.shape) for name, parameter in module.named_parameters()}
    sizes = [math.prod(shape) for shape in shapes.values()]
    if vector.shape != (sum(sizes),):
        raise ValueError(f"the model has {sum(sizes):,} parameters, the vector the shape {vector.shape}")
    pieces = np.split(vector, np.cumsum(sizes)[:-1])
    return {name: piece.reshape(shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}
