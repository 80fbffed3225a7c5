"""Nonlinearities, value by value."""

from typing import TYPE_CHECKING, Literal

from scenarios.models.sequential.layer import Layer, Shape

if TYPE_CHECKING:
    import torch


class _Activation(Layer):
    kind: Literal["relu", "tanh", "sigmoid", "silu", "gelu"]

    def shape(self, record: Shape) -> Shape:
        """The same."""
        return record

    def build(self, record: Shape) -> "list[torch.nn.Module]":
        """The layer."""
        from scenarios.models import layers

        return [layers.activation(self.kind)]


class Relu(_Activation):
    """`"relu"`: nothing below 0."""

    kind: Literal["relu"] = "relu"


class Tanh(_Activation):
    """`"tanh"`: from -1 to 1, which wastes less of each clipped gradient (Papernot et al. 2021, arXiv 2007.14191)."""

    kind: Literal["tanh"] = "tanh"


class Sigmoid(_Activation):
    """`"sigmoid"`: from 0 to 1."""

    kind: Literal["sigmoid"] = "sigmoid"


class Silu(_Activation):
    """`"silu"`: x times its sigmoid."""

    kind: Literal["silu"] = "silu"


class Gelu(_Activation):
    """`"gelu"`: x times the share of normal numbers below x."""

    kind: Literal["gelu"] = "gelu"
