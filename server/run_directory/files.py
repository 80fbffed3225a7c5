"""The run directory: its files, and how they are written so that a kill at any moment leaves them readable."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from privacy.errors import ScenarioError
from scenarios.schema import Scenario

_MANIFEST_KEYS = {"status": str, "engine": str, "run": str, "scenario": dict, "scenario_sha256": str}
"""What nothing can be done without; the rest of a manifest is for people."""

_STATUSES = ("running", "interrupted", "failed", "completed")


@dataclass(frozen=True)
class RunDirectory:
    """The files of one run. Reading them needs none of our code: JSON, JSON lines, safetensors, HTML."""

    path: Path

    @property
    def manifest(self) -> Path:
        """Scenario and its hash, seed, versions, engine, status."""
        return self.path / "manifest.json"

    @property
    def journal(self) -> Path:
        """One hash-chained record a line."""
        return self.path / "journal.jsonl"

    @property
    def summary(self) -> Path:
        """The figures of the finished run."""
        return self.path / "summary.json"

    @property
    def matrix(self) -> Path:
        """The accuracy on every experience after every experience, of a run with a stream."""
        return self.path / "matrix.json"

    @property
    def checkpoint(self) -> Path:
        """Everything needed to resume bit for bit."""
        return self.path / "checkpoint"

    @property
    def attempts(self) -> Path:
        """How often the round under way was begun, of a run whose noise nothing repeats."""
        return self.path / "attempts.json"

    @property
    def model(self) -> Path:
        """The final model: named arrays, and in the metadata their `order` in the vector that its hash is of."""
        return self.path / "model.safetensors"

    @property
    def findings(self) -> Path:
        """What audits found, one finding a line."""
        return self.path / "findings.jsonl"

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.path / "report.html"

    def in_use(self) -> bool:
        """Whether anything is there; a run killed before its manifest was written left only a hidden part of it."""
        if not self.path.exists():
            return False
        return not self.path.is_dir() or any(not entry.name.startswith(".") for entry in self.path.iterdir())

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out while a run plays. Raises ScenarioError where one is already there."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ScenarioError([f"{self.path}: another process is playing this run"]) from error
            yield
        finally:
            os.close(descriptor)

    def read_manifest(self) -> dict[str, Any]:
        """The manifest. Raises OSError or ValueError where there is none that can be read."""
        manifest = read_json(self.manifest)
        for key, kind in _MANIFEST_KEYS.items():
            if not isinstance(manifest.get(key), kind):
                raise ValueError(f"manifest.json: {key} is missing or of a wrong type")
        if manifest["status"] not in _STATUSES:
            raise ValueError(f"manifest.json: status is none of {', '.join(_STATUSES)}")
        return manifest

    def read_summary(self) -> dict[str, Any]:
        """The summary. Raises OSError or ValueError where there is none that can be read."""
        return read_json(self.summary)

    def read_scenario(self) -> Scenario:
        """The scenario of the manifest. Raises OSError or ValueError where there is none that can be read."""
        try:
            return Scenario.model_validate_json(json.dumps(self.read_manifest()["scenario"]))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in ("scenario", *first["loc"]))
            raise ValueError(f"manifest.json: {key}: {first['msg']}") from error

    def update_manifest(self, **changes: object) -> None:
        """Replace some of the manifest's fields."""
        write_json(self.manifest, {**self.read_manifest(), **changes})


def require_files(*files: Path) -> None:
    """Raise ScenarioError, with a line for each, where anything but a file stands in the place of one."""
    problems = [
        f"{path}: is {'a directory' if path.is_dir() else 'no file'}, where a file belongs; move it away"
        for path in files
        if os.path.exists(path) and not path.is_file()
    ]
    if problems:
        raise ScenarioError(problems)


def read_json(path: Path) -> dict[str, Any]:
    """The table that a JSON file holds. Raises OSError, or ValueError with its name and what is wrong with it."""
    if os.path.exists(path) and not (path.is_file() or path.is_dir()):
        raise ValueError(f"{path.name} is no file")  # to read a pipe is to wait for whoever writes into it
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path.name} is not JSON: {error.msg} in line {error.lineno}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not UTF-8 text") from error
    except RecursionError as error:
        raise ValueError(f"{path.name} is nested too deeply") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} is not a table")
    return content


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write JSON whole or not at all. Infinity is written as null: JSON has no word for it."""
    text = json.dumps(finite(content), indent=1, allow_nan=False)
    write_bytes(path, text.encode() + b"\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write_through(temporary, content)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # half a file takes room, and a disk that is full has none
        raise
    sync_folder(path.parent)


def write_through(path: Path, content: bytes, mode: Literal["wb", "ab"] = "wb") -> None:
    """Write a file, or at its end, and wait until its content is on the disk. Raises OSError with its name."""
    try:
        with path.open(mode) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        error.filename = str(path)  # a disk that is full does not say which file it had no room for
        raise


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk: a file's content is no use without its name."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The value as `write_json` writes it."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value
