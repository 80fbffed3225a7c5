"""The page of the scenario format: as made today, complete, and right where it can be checked by hand."""

import re
import tomllib
from typing import Annotated, Literal

import pytest
from pydantic import Field

from privacy.parameters import Parameters
from scenarios import reference, shape
from scenarios.schema import Scenario
from scenarios.shape import Place


class Common(Parameters):
    """What both have."""

    at: int
    """The first
    round."""


class Special(Common):
    """A table with a key that has another name in the file, and one that nobody described."""

    kind: Literal["special"] = "special"
    count: Annotated[int, Field(ge=1)] = Field(default=1, alias="features")
    """How many."""
    bare: int = 0


def rows(page: str) -> list[list[str]]:
    """The cells of every table of keys."""
    lines = [line for line in page.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_page_is_the_one_that_the_format_makes_today() -> None:
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page(), "docs/scenario.md is old: make reference"


def test_no_key_is_without_words_type_and_default() -> None:
    assert len(rows(reference.page())) > 100
    assert [row for row in rows(reference.page()) if len(row) != 4 or not all(row)] == []


def test_words_are_the_strings_below_declarations_under_the_names_of_the_file() -> None:
    assert reference.words(Special) == {"at": "The first round.", "features": "How many."}


def test_every_kind_has_a_section_with_words() -> None:
    page = reference.page()

    def expect(place: Place) -> None:
        for kind, settled in place.kinds.items():
            assert re.search(rf'^#+ `kind = "{kind}"`\n\n[^#|\n]', page, re.MULTILINE), kind
            for below in settled.keys.values():
                expect(below)

    for place in shape.root().keys.values():
        expect(place.items if place.node.get("type") == "array" else place)
        for below in place.keys.values():
            expect(below)


@pytest.mark.parametrize(
    ("key", "valid", "default"),
    [
        ("quorum", "a whole number of at least 1", "`1`"),
        ("momentum", "a number of at least 0 and below 1", "`0.0`"),
        ("accountant", "'rdp' or 'prv'", '`"rdp"`'),
        ("partition", "a table with a kind (dirichlet, iid, natural, pathological, quantity)", '`"iid"`'),
        ("clip_norm", "a number of at least 1e-06 and at most 1000000.0", "`1.0`"),
        ("path", "text in quotes", "must be given"),
        ("budget", "a table", "none"),
        ("training", "a table", "that of each key"),
        ("high", "a whole number or a number", "must be given"),
    ],
)
def test_a_key_has_its_type_and_default(key: str, valid: str, default: str) -> None:
    assert [row[2:] for row in rows(reference.page()) if row[0] == f"`{key}`"] == [[valid, default]]


def test_the_file_of_the_introduction_is_whole_and_kinds_may_stand_for_tables() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", reference.page(), re.DOTALL)
    values = tomllib.loads(text)

    assert Scenario.model_validate(values).federation.clients == 10
    federation = {**values["federation"], "sampling": "all", "rule": "fedavg"}
    short = {"model": "mlp", "learner": "naive", "privacy": "none", "protection": "none", "audit": ["visibility"]}
    assert Scenario.model_validate({**values, **short, "federation": federation}).model.kind == "mlp"
