"""Layers that a cohort can train: one file and one line each."""

from collections.abc import Callable
from typing import Any

import torch

from clients.cohort.layers import activation, conv2d, embedding, flatten, group_norm, layer_norm, linear, pooling
from clients.cohort.layers.rule import Rule

_RULES: dict[type[torch.nn.Module], Callable[[Any], Rule | None]] = {
    torch.nn.Linear: linear.rule_of,
    torch.nn.Conv2d: conv2d.rule_of,
    torch.nn.Embedding: embedding.rule_of,
    torch.nn.GroupNorm: group_norm.rule_of,
    torch.nn.LayerNorm: layer_norm.rule_of,
    torch.nn.ReLU: activation.relu_rule_of,
    torch.nn.Tanh: activation.tanh_rule_of,
    torch.nn.Sigmoid: activation.sigmoid_rule_of,
    torch.nn.SiLU: activation.silu_rule_of,
    torch.nn.GELU: activation.gelu_rule_of,
    torch.nn.MaxPool2d: pooling.max_rule_of,
    torch.nn.AvgPool2d: pooling.average_rule_of,
    torch.nn.Flatten: flatten.rule_of,
}


def rule_of(module: torch.nn.Module) -> Rule | None:
    """The rule for one layer; None where there is none for its type (a subclass may do anything) or its settings."""
    find = _RULES.get(type(module))
    return None if find is None else find(module)
