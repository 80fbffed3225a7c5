"""Results of a sweep as a file would hold them, without running one."""

import json
from pathlib import Path


def spread(mean: float, deviation: float = 0.01, count: int = 3) -> dict[str, float]:
    """A figure over its seeds."""
    return {"mean": mean, "standard_deviation": deviation, "count": count}


def setting(privacy: object, accuracy: float, epsilon: float | None, **flags: bool) -> dict[str, object]:
    """One setting with every figure that a plain run has."""
    return {
        "settings": {"privacy": privacy, "training.learning_rate": 4.0},
        "runs": 3,
        "count": 3,
        "accuracy": spread(accuracy),
        "validation_accuracy": spread(accuracy + 0.01),
        "loss": spread(0.5),
        "average_accuracy": None,
        "forgetting": None,
        "epsilon": None if epsilon is None else spread(epsilon, 0.0),
        "bytes": spread(2e6, 0.0),
        "seconds": spread(3.0),
        "chosen": False,
        "on_epsilon_front": False,
        "on_bytes_front": False,
        **flags,
    }


def content(**changes: object) -> dict[str, object]:
    """Three settings, two of them chosen, and a run that failed."""
    private = {"kind": "dp-sgd", "epsilon": 1.0}
    return {
        "format": 1,
        "name": "frontier",
        "question": "What does privacy cost?",
        "keys": ["privacy", "training.learning_rate"],
        "front": "privacy",
        "chosen_by": "validation_accuracy",
        "optimistic": False,
        "runs": [
            {"name": "one", "settings": {}, "status": "completed", "reason": ""},
            {"name": "two", "settings": {}, "status": "failed", "reason": "the model diverged"},
        ],
        "settings": [
            setting(private, 0.88, 0.98, chosen=True, on_epsilon_front=True),
            setting(private, 0.84, 0.97),
            setting("none", 0.96, None, chosen=True, on_epsilon_front=True),
        ],
        "tuning": {"epsilon": 5.5, "delta": 1e-5, "accountant": "rdp", "private_runs": 6, "unprotected_runs": 3},
        **changes,
    }


def write_sweep(folder: Path, results: object) -> Path:
    """A sweep's directory with these results."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {"format": 1, "scenario_text": "format = 1\n# </script><b>", "points": []}
    (folder / "sweep.json").write_text(json.dumps(told), encoding="utf-8")
    text = results if isinstance(results, str) else json.dumps(results)
    (folder / "results.json").write_text(text, encoding="utf-8")
    return folder
