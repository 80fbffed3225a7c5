"""Findings such as audits leave in a run's summary, without running one."""

from pathlib import Path

from run_directories import rewrite, write_run

LOSS, LIRA, RMIA = "a threshold on the loss", "LiRA (offline)", "RMIA (offline)"


def finding(kind: str, figure: str, value: object, **changes: object) -> dict[str, object]:
    """One finding."""
    return {
        "kind": kind,
        "statement": f"{kind} found {figure} of {value}.",
        "figure": figure,
        "value": value,
        "low": None,
        "high": None,
        "confidence": 0.95,
        "facts": {},
        "seed": 7,
        "made_by": "by hand",
        "contradiction": False,
        **changes,
    }


def attack(name: str, auc: float, apart: float = 0.03, **changes: object) -> dict[str, object]:
    """One membership inference."""
    return finding("membership-inference", f"AUC of {name}", auc, low=auc - apart, high=auc + apart, **changes)


def bound(epsilon: float, **changes: object) -> dict[str, object]:
    """What a canary audit could show of epsilon."""
    return finding("canary", "epsilon, lower bound", epsilon, low=epsilon, **changes)


def noise(ratio: float, **changes: object) -> dict[str, object]:
    """What a canary audit measured of the noise."""
    figure = "noise, standard deviation over the claimed one"
    return finding("canary", figure, ratio, **{"low": ratio - 0.01, "high": ratio + 0.01, **changes})


def write_audited(directory: Path, *findings: object, private: bool = True) -> Path:
    """A run's directory with these findings; its epsilon is 7.96 where it is private."""
    write_run(directory, private=private)
    rewrite(directory, "summary.json", lambda summary: summary.update(findings=list(findings)))
    return directory
