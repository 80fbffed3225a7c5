"""Reading a scenario from a file or the library, with overrides; refusals name the file, line and key."""

import os
import re
import stat
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from privacy.errors import ScenarioError
from scenarios import overrides as command_line
from scenarios import refusals
from scenarios.schema import Scenario
from scenarios.shape import SWEEP
from scenarios.toml_lines import KeyPath, NotToml, Toml, parse

MAX_BYTES = 256 * 1024
_MAX_PROBLEMS = 20
_MANY_RUNS = "this file is many runs: use fedcrucible sweep, or --set sweep=none for the scenario without its grid"
_KEY = re.compile(r"(\w+(?:\.\w+|\[\d+\])*): ")
_LIBRARY = Path(__file__).parent / "library"


@dataclass(frozen=True)
class Opened:
    """A file as far as TOML goes: its values with the overrides in, and what set which; no scenario yet.

    `folder` is where the overrides were given.
    """

    path: Path
    folder: Path
    text: str
    toml: Toml
    values: dict[str, object]
    origins: dict[KeyPath, str]

    def place(self, path: KeyPath) -> str:
        """Where a key was set, as a message names it."""
        return command_line.origin(path, self.origins) or f"{self.path}:{self.toml.line(path)}"

    def placed(self, problem: str) -> str:
        """A problem that begins with a key of the scenario, as those do that data and planning tell, and its place."""
        key = _KEY.match(problem)
        parts = [int(part) if part.isdigit() else part for part in re.findall(r"\w+", key[1])] if key else []
        return f"{self.place(tuple(parts))}: {problem}" if parts and parts[0] in Scenario.model_fields else problem


@dataclass(frozen=True)
class Loaded:
    """A scenario that can work as far as its file tells, and what it was read from."""

    scenario: Scenario
    opened: Opened


class LibraryScenario(NamedTuple):
    """One scenario of the library: what it is called, what it asks, where it is."""

    name: str
    question: str
    path: Path


def read(path_or_library_name: str | Path, overrides: Sequence[str] = ()) -> Loaded:
    """Read a scenario file, or the library's scenario of that name (no separator, no suffix), which goes before a file.

    A byte order mark and Windows line ends are accepted. The path of a data file is relative to the scenario
    file, in an override to the current folder; `~/` is the user's own folder. Raises ScenarioError, one problem a line,
    also for a file with a [sweep], which is many scenarios, unless `sweep=none` among the overrides leaves it out.
    """
    opened = open_file(path_or_library_name, overrides)
    if SWEEP in opened.values:
        raise ScenarioError([refusals.line(opened.place((SWEEP,)), (SWEEP,), _MANY_RUNS)])
    return Loaded(validated(opened, opened.values, opened.origins), opened)


def open_file(path_or_library_name: str | Path, overrides: Sequence[str] = ()) -> Opened:
    """Read a file or the library's of that name as TOML, with overrides; `sweep=none` takes the [sweep] out.

    Raises ScenarioError where that cannot be done.
    """
    path = _find(path_or_library_name)
    return open_text(_text(path), path, overrides, Path.cwd())


def open_text(text: str, path: Path, overrides: Sequence[str], folder: Path) -> Opened:
    """The text of the file at a path, with overrides given in a folder, as `open_file` reads it.

    Raises ScenarioError where that cannot be done.
    """
    try:
        toml = parse(text)
    except NotToml as error:
        raise ScenarioError([refusals.line(f"{path}:{error.line}", (), error.reason)]) from None
    values = _with_data_below(path.absolute().parent, toml.values)
    values, origins = command_line.apply(values, overrides)
    values = _with_data_below(folder, values) if overrides else values
    if values.get(SWEEP) == "none":
        del values[SWEEP]
    return Opened(path, folder, text, toml, values, origins)


def validated(opened: Opened, values: dict[str, object], origins: dict[KeyPath, str]) -> Scenario:
    """The scenario that these values of a file are. Raises ScenarioError, one problem a line, with the file's lines."""
    values = _with_data_below(opened.path.absolute().parent, values)
    try:
        return Scenario.model_validate(values)
    except ValidationError as error:
        found = refusals.refusals(error, values)
        raise ScenarioError(_lines(found, opened.path, opened.toml, origins)) from None


def require_sound_below(opened: Opened, tables: Sequence[KeyPath]) -> None:
    """Raise ScenarioError for what is wrong within these tables of a file, whatever else of it is missing or wrong."""
    values = _with_data_below(opened.path.absolute().parent, opened.values)
    try:
        Scenario.model_validate(values)
    except ValidationError as error:
        found = [
            refusal
            for refusal in refusals.refusals(error, values)
            if any(refusal.path[: len(table)] == table and len(refusal.path) > len(table) for table in tables)
        ]
        if found:
            raise ScenarioError(_lines(found, opened.path, opened.toml, opened.origins)) from None


def library() -> list[LibraryScenario]:
    """The scenarios that come with the project, by name, each with its question."""
    entries = []
    for path in sorted(_LIBRARY.glob("*.toml")):
        question = tomllib.loads(path.read_text(encoding="utf-8")).get("question", "")
        entries.append(LibraryScenario(path.stem, question, path))
    return entries


def _find(path_or_library_name: str | Path) -> Path:
    name = str(path_or_library_name)
    if os.sep in name or "/" in name or Path(name).suffix:
        return Path(name)
    names = [path.stem for path in sorted(_LIBRARY.glob("*.toml"))]
    if name not in names and name and os.path.exists(name):
        return Path(name)
    if name not in names:
        raise ScenarioError(
            [
                f"{refusals.got(name)} is no scenario of the library ({', '.join(names)}); "
                "a file is named with its suffix or folder, as in ./scenario.toml"
            ]
        )
    return _LIBRARY / f"{name}.toml"


def _text(path: Path) -> str:
    try:
        # Opening a pipe would wait for ever, and a device never ends.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ScenarioError([f"{path}: not a file{' but a folder' if path.is_dir() else ''}"])
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ScenarioError([f"{path}: {error.strerror or 'cannot be read'}"]) from None
    except ValueError:
        raise ScenarioError([f"{str(path)!r}: not a possible file name"]) from None
    if len(data) > MAX_BYTES:
        raise ScenarioError([f"{path}:1: larger than the {MAX_BYTES // 1024} KiB a scenario may have"])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The position counts from behind a byte order mark, which ends no line, so the line is right.
        line = data.count(b"\n", 0, error.start) + 1
        raise ScenarioError([f"{path}:{line}: not UTF-8 text: byte 0x{error.object[error.start]:02x}"]) from None


def _with_data_below(folder: Path, values: dict[str, object]) -> dict[str, object]:
    """The values with a relative path of a data file made absolute; `~/` is the user's own folder."""
    data = values.get("data")
    dataset = data.get("dataset") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(dataset, dict) or not isinstance(dataset.get("path"), str):
        return values
    path: str = dataset["path"]
    path = str(folder / (os.path.expanduser(path) if path.startswith("~/") else path))
    if not command_line.is_unicode(path):
        raise ScenarioError([f"data.dataset.path: {path}: not a name in UTF-8; rename the file or its folder"])
    return {**values, "data": {**data, "dataset": {**dataset, "path": path}}}


def _lines(found: list[refusals.Refusal], path: Path, toml: Toml, origins: dict[KeyPath, str]) -> list[str]:
    """The problems in the order of the file, the command line's last; only so many as a person reads."""
    placed = [(command_line.origin(refusal.path, origins), toml.line(refusal.path), refusal) for refusal in found]
    placed.sort(key=lambda entry: (entry[0] is not None, entry[1]))
    lines = [
        refusals.line(origin or f"{path}:{line}", refusal.path, refusal.reason())
        for origin, line, refusal in placed[:_MAX_PROBLEMS]
    ]
    if len(placed) > _MAX_PROBLEMS:
        lines.append(f"{path}:{placed[_MAX_PROBLEMS][1]}: and {len(placed) - _MAX_PROBLEMS} more problems")
    return lines
