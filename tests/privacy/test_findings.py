import json
import math

import pytest

from privacy.findings import Finding, from_json, to_json

FINDING = Finding(
    kind="canary",
    statement="Nothing was found.",
    figure="epsilon, lower bound",
    value=0.5,
    low=0.5,
    high=None,
    confidence=0.95,
    facts={"rows": [{"steps": 3}]},
    seed=7,
    made_by="privacy.audits.canary.bound",
)


def test_json_gives_the_same_finding_back():
    assert from_json(to_json(FINDING)) == FINDING


def test_a_finding_is_one_line():
    assert "\n" not in to_json(FINDING)


def test_infinity_is_written_as_null():
    table = json.loads(to_json(Finding(**{**vars(FINDING), "high": math.inf, "facts": {"claim": math.inf}})))
    assert (table["high"], table["facts"]) == (None, {"claim": None})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        to_json(FINDING).replace("0.95", '"much"'),
        to_json(FINDING).replace("false", "0"),
        to_json(FINDING).replace("null", "NaN"),
        to_json(FINDING).replace('"seed"', '"sead"'),
    ],
)
def test_anything_else_is_no_finding(text):
    with pytest.raises(ValueError, match=r"finding|Expecting"):
        from_json(text)
