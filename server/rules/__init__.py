"""Aggregation rules: from what the server saw of a round to the next global model. One file a rule."""

from privacy.view import Vector, View
from scenarios.rules import RuleParameters
from server.rules import fedavg


def apply(rule: RuleParameters, model: Vector, view: View) -> Vector:
    """The next global model, float32[d]."""
    match rule.kind:
        case "fedavg":
            return fedavg.apply(model, view)
