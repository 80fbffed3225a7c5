"""The page docs/scenario.md: every table, kind and key of a scenario file. `python -m scenarios.reference` writes it.

Types, ranges and defaults are read off the schema. What a key is says the string below its declaration, and what a kind
is say the first words of its file and of its class, so that words are changed where the code is.
"""

import ast
import inspect
import itertools
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from privacy.parameters import Parameters
from scenarios.axes import Range, Search
from scenarios.shape import SWEEP, Place, root
from scenarios.values import written

PAGE = Path(__file__).parents[1] / "docs" / "scenario.md"

_INTRODUCTION = """\
# The scenario file

Every table, every kind and every key, with what is valid and what holds where a key is left out. This page is made from
the code that reads the file, by `make reference`; nobody edits it.

A scenario is a TOML file. Its first keys stand before the first table:

```toml
format = 1
name = "mine"

[data]
dataset = "digits"
partition = { kind = "dirichlet", alpha = 0.3 }

[model]
kind = "logistic"

[federation]
clients = 10
rounds = 20
```

- Only what says "must be given" has to be there: the file above is whole. Where a default is "none", nothing stands in
  for the key, and its words say what that means.
- A table with a **kind** is one of several, and each kind has its own keys. `[model]` with `kind = "mlp"`,
  `model = { kind = "mlp" }` and, where no other key is needed, `model = "mlp"` are the same.
- A key in full has the names of its tables before it, as in `federation.sampling.rate`. That is how messages name it,
  and how the command line sets it: `--set federation.quorum=3`.
- `fedcrucible check FILE` refuses what is wrong with its line and what is valid, and says what a run would do.

Records of your own: [own-data.md](own-data.md). A network of your own: [own-model.md](own-model.md). What comes and
goes during a run: [timelines.md](timelines.md). What is tried against it: [audits.md](audits.md). Many runs from one
file: [sweeps.md](sweeps.md).
"""

_SWEEP = """\
## `[sweep]`

Makes of the file many scenarios, one for each combination of values: [sweeps.md](sweeps.md). Any key of a scenario but
`format` and `name` is a key here, in full (`"training.learning_rate"`), with a list of values or, with `search`, a
range. Three keys are its own:

| key | what it is | valid | default |
|---|---|---|---|
| `names` | What values are called in tables and on the page. | for each key as many names as values | none |
| `front` | The key for each value of which a setting is chosen. | a varied key, in quotes | [sweeps.md](sweeps.md) |
| `search` | How values are found in ranges, instead of a grid. | a table | none |
"""


def page() -> str:
    """The whole page as Markdown."""
    whole = root()
    tables = {key: place for key, place in whole.keys.items() if key != SWEEP}
    lines = [_INTRODUCTION, "## Before the first table", "", *_table(whole, tables)]
    for key, place in tables.items():
        lines += _section(place, key, f"`[[{key}]]`" if place.node.get("type") == "array" else f"`[{key}]`", 2)
    lines.append(_SWEEP)
    lines += _section(_place(Range), "", "A range", 3)
    lines += _section(_place(Search), "", f"`{SWEEP}.search`", 3)
    return "\n".join(lines).rstrip() + "\n"


def words(kind: type[Parameters]) -> dict[str, str]:
    """What each key of a table is, on one line: the string below its declaration. Keys without one are left out."""
    found = dict[str, str]()
    for owner in reversed(kind.__mro__):
        if not issubclass(owner, Parameters):
            continue
        (declared,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        for above, below in itertools.pairwise(declared.body if isinstance(declared, ast.ClassDef) else []):
            match above, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[kind.model_fields[name].alias or name] = " ".join(text.split())
    return found


def _section(place: Place, path: str, title: str, level: int) -> Iterator[str]:
    """A table of the file, or the kinds of it, and below it the tables that are its keys."""
    place = place.items if place.node.get("type") == "array" else place
    if not place.keys and not place.kinds:
        return
    yield from (f"{'#' * level} {title}", "")
    if not place.kinds:
        yield from _described(place, path, level)
    for kind, settled in place.kinds.items():
        yield from (f"{'#' * (level + 1)} `kind = {written(kind)}`", "")
        yield from _described(settled, path, level + 1)


def _described(place: Place, path: str, level: int) -> Iterator[str]:
    owner = _classes()[place.node["title"]]
    yield from (f"{paragraph}\n" for paragraph in (*_summary(place, owner), inspect.getdoc(owner)))
    keys = {key: below for key, below in place.keys.items() if key != "kind" or "const" not in below.node}
    if keys:
        yield from _table(place, keys)
    for key, below in keys.items():
        yield from _section(below, f"{path}.{key}", f"`{path}.{key}`", level + 1)


def _summary(place: Place, owner: type[Parameters]) -> Iterator[str]:
    """What the file of a kind says that it is, where it holds no other kind."""
    kinds = Counter(one.__module__ for one in _classes().values() if "kind" in one.model_fields)
    if place.kinds and kinds[owner.__module__] == 1:
        yield (inspect.getdoc(inspect.getmodule(owner)) or "").partition("\n\n")[0]


def _table(place: Place, keys: dict[str, Place]) -> list[str]:
    owner = _classes()[place.node["title"]]
    said, needed = words(owner), place.node.get("required", ())
    rows = [
        (f"`{key}`", said.get(key, ""), below.expected, "must be given" if key in needed else _default(below))
        for key, below in keys.items()
    ]
    cells = [("key", "what it is", "valid", "default"), *rows]
    lines = ["| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in cells]
    return [lines[0], "|---|---|---|---|", *lines[1:], ""]


def _default(place: Place) -> str:
    match place.node.get("default"):
        case None:
            return "none"
        case {"kind": kind, **others} if not others:
            return f"`{written(kind)}`"
        case {"kind": _} as value:
            return f"`{written(value)}`"
        case dict():
            return "that of each key"
        case value:
            return f"`{written(value)}`"


def _place(kind: type[Parameters]) -> Place:
    schema = kind.model_json_schema()
    return Place(schema, schema.get("$defs", {}))


def _classes() -> dict[str, type[Parameters]]:
    """The classes of the format, by the name under which they stand in the schema."""
    return {one.__name__: one for one in _below(Parameters) if one.__module__.split(".")[0] in ("privacy", "scenarios")}


def _below(kind: type[Parameters]) -> Iterator[type[Parameters]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
