"""Whatever the bytes of a scenario file, it is read or refused with lines that say where, within a second."""

import random
import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from privacy.errors import ScenarioError
from scenarios import grid
from scenarios.shape import SWEEP
from scenarios.source import MAX_BYTES, library, open_file, validated

SOUND = {entry.name: entry.path.read_text(encoding="utf-8") for entry in library()}
ASSIGNMENT = re.compile(r"^(\w+)( *= *)([^#\n]+?)( *(?:#.*)?)$", re.MULTILINE)
INNER_KEY = re.compile(r"(?<=[{,] )(\w+)(?= =)")
WRONG_VALUES = (
    "-1",
    "0.0",
    "nan",
    "-inf",
    "1e400",
    "true",
    '"?"',
    '""',
    "[]",
    "[[1], 2]",
    "{}",
    '{ kind = "?" }',
    "1979-05-27T07:32:00Z",
    "9" * 300,
    "0x" + "f" * 300,
)

KEYS = "".join(f"key{number} = 1\n" for number in range(20_000))
HOSTILE = {
    "empty": b"",
    "blank": b" \n\t\n",
    "no line end": b"format",
    "too large": b"#" * (MAX_BYTES + 1),
    "nul": b"format = 1\x00\n",
    "nul in a string": b'name = "a\x00b"\n',
    "not UTF-8": b"format = 1\nname = '\xff'\n",
    "not UTF-8 behind a mark": b"\xef\xbb\xbfformat = 1\nname = '\xc3('\n",
    "UTF-16": "format = 1\n".encode("utf-16"),
    "random bytes": random.Random(7).randbytes(4096),
    "nested lists": b"name = " + b"[" * 100_000,
    "nested lists closed": b"name = " + b"[" * 900 + b"]" * 900,
    "nested tables": b"name = " + b"{a = " * 40_000,
    "one dotted key": b".".join([b"a"] * 100_000) + b" = 1",
    "one dotted header": b"[" + b".".join([b"a"] * 100_000) + b"]",
    "one dotted inner key": b"name = { " + b".".join([b"a"] * 100_000) + b" = 1 }",
    "dotted keys": b"".join(b"data.a%d.b.c = 1\n" % number for number in range(10_000)),
    "keys": KEYS.encode(),
    "inner keys": f"name = {{ {', '.join(KEYS.splitlines())} }}".encode()[: MAX_BYTES - 2] + b"}",
    "tables of arrays": b"[[event]]\n" * 25_000,
    "empty tables": b"name = [" + b"{}," * 80_000 + b"]",
    "long list": b"name = [" + b"1," * 120_000 + b"]",
    "long number": b"seed = " + b"9" * 200_000,
    "long fraction": b"seed = 0." + b"9" * 200_000,
    "long hexadecimal": b"seed = 0x" + b"f" * 200_000,
    "long key": b"k" * 200_000 + b" = 1",
    "long quoted key": b'"' + b"\\n" * 100_000 + b'" = 1',
    "long name": b'name = "' + b"n" * 200_000 + b'"',
    "open string": b'name = "' + b"n" * 200_000,
    "open text": b'name = """' + b'\\"""' * 50_000,
    "open texts": b"name = '''" + b"''a" * 80_000,
    "line ends": b"\r\n" * 130_000,
    "lone carriage returns": b"format = 1\rname = 'a'\r",
    "duplicate key": b"format = 1\nformat = 1\n",
    "duplicate table": b"[data]\n[data]\n",
    "table over a value": b"data = 1\n[data.dataset]\n",
    "escapes for a terminal": b'"\\u001b[31m" = 1\nname = "\\u001b]0;x\\u0007\\n\\u2028"\n',
    "line end in a key": b'"a\\nb:1: c" = 1\n',
    "sweep of everything": b"[sweep]\n" + b"".join(b"a%d = [1, 2]\n" % number for number in range(4000)),
    "sweep of line ends": b'[sweep]\n"a\\nb" = ["\\n\\u001b[31m", 1]\n',
    "sweep of nothing": b"sweep = 3\n",
    "sweep of sweeps": b"[sweep.sweep.sweep]\nseed = [1]\n",
    "sweep without keys": b'[sweep]\n"" = [1]\n"a..b" = [1]\n"data." = [2]\n',
    "search for ever": b"[sweep]\na = { low = 1, high = 2 }\nsearch = { kind = 'tpe', trials = 9999999999 }\n",
}


def refusal(path: str | Path, *overrides: str) -> list[str] | None:
    """The lines of the refusal, None where the file is sound; at most a second is allowed."""
    start = time.process_time()
    try:
        opened = open_file(path, overrides)
        if SWEEP in opened.values:
            grid.of(opened, overrides)
        else:
            validated(opened, opened.values, opened.origins)
    except ScenarioError as error:
        return error.problems
    finally:
        assert time.process_time() - start < 1.0
    return None


def mutations(text: str) -> Iterator[tuple[str, str]]:
    """Every key misspelt, removed and given twice, every value replaced."""
    for found in ASSIGNMENT.finditer(text):
        before, after = text[: found.start()], text[found.end() :]
        key, equals, value, rest = found.groups()
        yield f"{key} misspelt", f"{before}{key}x{equals}{value}{rest}{after}"
        yield f"{key} removed", before + after
        yield f"{key} twice", f"{before}{found[0]}\n{found[0]}{after}"
        yield f"{key} without =", f"{before}{key} {value}{rest}{after}"
        for wrong in WRONG_VALUES:
            yield f"{key} = {wrong[:20]}", f"{before}{key}{equals}{wrong}{rest}{after}"
    for found in INNER_KEY.finditer(text):
        yield f"{found[0]} misspelt", f"{text[: found.start()]}{found[0]}x{text[found.end() :]}"
    for found in re.finditer(r"^\[(\w+)\]$", text, re.MULTILINE):
        before, after = text[: found.start()], text[found.end() :]
        yield f"[{found[1]}] misspelt", f"{before}[{found[1]}x]{after}"
        yield f"[{found[1]}] twice", f"{before}{found[0]}\n{found[0]}{after}"
        yield f"[{found[1]}] as an array", f"{before}[[{found[1]}]]{after}"
        yield f"[{found[1]}] open", f"{before}[{found[1]}{after}"


def damaged(text: str, rng: random.Random) -> bytes:
    """The text cut off, or with a byte flipped, removed or doubled."""
    data = text.encode()
    place = rng.randrange(len(data))
    flipped = bytes([data[place] ^ (1 << rng.randrange(8))])
    return rng.choice(
        [
            data[:place],
            data[:place] + flipped + data[place + 1 :],
            data[:place] + data[place + 1 :],
            data[: place + 1] + data[place:],
        ]
    )


def well_told(problems: list[str], path: Path) -> bool:
    place = re.compile(re.escape(str(path)) + r":[1-9]\d*: \S")
    return bool(problems) and all(place.match(line) and line.isprintable() for line in problems)


@pytest.mark.parametrize("name", SOUND)
def test_mutated_files_are_refused_with_lines(name: str, tmp_path: Path) -> None:
    path, refused = tmp_path / "bad.toml", 0
    for what, text in mutations(SOUND[name]):
        path.write_text(text, encoding="utf-8")
        problems = refusal(path)
        assert problems is None or well_told(problems, path), (what, problems)
        assert all(int(line[len(str(path)) + 1 :].split(":")[0]) <= text.count("\n") + 1 for line in problems or [])
        refused += problems is not None
    assert refused >= 200


@pytest.mark.parametrize("name", SOUND)
def test_damaged_files_are_refused_or_sound(name: str, tmp_path: Path) -> None:
    path, rng = tmp_path / "bad.toml", random.Random(name)
    refused = 0
    for _ in range(150):
        path.write_bytes(damaged(SOUND[name], rng))
        problems = refusal(path)
        assert problems is None or well_told(problems, path), (path.read_bytes(), problems)
        refused += problems is not None
    assert refused >= 30


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_files_are_refused_with_lines(what: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(HOSTILE[what])
    problems = refusal(path)
    assert problems is not None
    assert well_told(problems, path), problems
    assert max(map(len, problems)) < 600 + len(str(path))


def test_misspelling_any_key_names_that_key(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    for text in SOUND.values():
        for found in ASSIGNMENT.finditer(text):
            path.write_text(f"{text[: found.end(1)]}x{text[found.end(1) :]}", encoding="utf-8")
            line = text.count("\n", 0, found.start()) + 1
            problems = refusal(path) or []
            assert (
                any(problem.startswith(f"{path}:{line}: ") and f"{found[1]}x" in problem for problem in problems)
                or found[1] == "kind"
            ), (found[0], problems)


@pytest.mark.parametrize("value", [*WRONG_VALUES, "", "\udcff", "[" * 5000, "1\nseed = 2", "a=b", '"\\u001b[31m"'])
@pytest.mark.parametrize(
    "key",
    [
        "seed",
        "name.x",
        "privacy",
        "privacy.kind",
        "privacy.epsilon",
        "data.dataset.path",
        "event.at",
        "data",
        '"\udcff"',
        ".",
        "",
    ],
)
def test_overrides_are_applied_or_refused(key: str, value: str) -> None:
    problems = refusal("quickstart", f"{key}={value}")
    if problems is None:
        assert key in {"seed", "privacy", "privacy.epsilon"}
    else:
        assert problems
        assert all(line.startswith("--set ") and line.isprintable() for line in problems)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.toml", Path("/dev/zero"), Path(f"{'x' * 300}.toml")):
        [problem] = refusal(path) or []
        assert problem.startswith(f"{path}: ")


def test_no_line_can_be_forged_by_an_impossible_name() -> None:
    [problem] = refusal(Path("a\0\n.toml")) or []
    assert problem.isprintable()


def test_the_generator_starts_from_sound_files() -> None:
    assert len(SOUND) >= 5
    assert all(tomllib.loads(text)["question"] for text in SOUND.values())
