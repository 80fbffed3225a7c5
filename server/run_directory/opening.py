"""Opening a run directory: the manifest, and the refusal of what cannot work before anything runs."""

import contextlib
import functools
import hashlib
import itertools
import platform
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from privacy.errors import ScenarioError
from scenarios import source
from scenarios.datasets.dataset import Dataset, Labels
from scenarios.partitions import Natural
from scenarios.records import Records, records_of
from scenarios.schema import Scenario, sha256
from scenarios.source import Loaded
from server.rounds import planning
from server.rounds.planning import Outlook
from server.run_directory import statement
from server.run_directory.files import RunDirectory, write_json

_BITS = ("clients", "privacy", "scenarios", "server", "simulation/engines")
_PACKAGES = ("fedcrucible", "flwr", "torch", "opacus", "tenseal", "numpy")


@functools.cache
def versions() -> Mapping[str, str]:
    """Those of Python and of the packages on which the bits of a run depend; behind ours the code itself, in short."""
    found = {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}
    return {**found, "fedcrucible": f"{found['fedcrucible']}+{code_sha256(Path(__file__).parents[2])[:12]}"}


def code_sha256(root: Path) -> str:
    """Of all code that a run's bits may depend on: as long as it is worked on, its version says little."""
    code = hashlib.sha256()
    for path in sorted(path for package in _BITS for path in (root / package).rglob("*.py")):
        code.update(f"{path.relative_to(root).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return code.hexdigest()


def make_default_directory(scenario: str) -> Path:
    """Make `runs/NAME`, or `runs/NAME-2` and so on: nothing that is there is ever overwritten.

    Whose call makes it has it, so that of starts at the same moment each gets its own. Raises ScenarioError where none
    can be made.
    """
    folder, name = Path("runs"), Path(scenario).stem
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    try:
        folder.mkdir(exist_ok=True)
        return next(path for path in map(folder.joinpath, names) if _made(path))
    except OSError as error:
        raise ScenarioError([f"{error.filename}: {error.strerror}; --out DIR names another place"]) from error


def load(file: str, overrides: Sequence[str]) -> Loaded:
    """Read a scenario. Raises ScenarioError for one that cannot work; nothing is written."""
    loaded = source.read(file, overrides)
    planned(loaded)
    return loaded


def planned(loaded: Loaded) -> Outlook:
    """What planning goes by for a scenario that has been read.

    Raises ScenarioError, with the file's lines, for what `outlook_for` refuses.
    """
    try:
        return outlook_for(loaded.scenario)
    except ScenarioError as error:
        raise ScenarioError([loaded.opened.placed(problem) for problem in error.problems]) from error


@contextlib.contextmanager
def claimed(directory: RunDirectory) -> Iterator[None]:
    """Keep a fresh run directory, made if need be, from all other processes.

    Raises ScenarioError where it cannot be made, where another process is playing in it, or where anything is in it:
    looked at under the lock, so that of two starts on one directory one is refused.
    """
    try:
        directory.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScenarioError([f"--out {directory.path}: {error.strerror}"]) from error
    with directory.locked():
        if directory.in_use():
            raise ScenarioError([f"--out {directory.path}: exists already; choose another, or `fedcrucible resume` it"])
        yield


def write_manifest(directory: RunDirectory, loaded: Loaded, overrides: Sequence[str], engine: str) -> None:
    """Write down what is run, of which data, on what, and what it promises."""
    scenario = loaded.scenario
    records = records_of(scenario)
    dataset = records.dataset
    write_json(
        directory.manifest,
        {
            "format": 1,
            "name": scenario.name,
            "question": scenario.question,
            "status": "running",
            "reason": "",
            "run": uuid.uuid4().hex,
            "seed": scenario.seed,
            "engine": engine,
            "started": now(),
            "ended": None,
            "scenario": scenario.model_dump(mode="json"),
            "scenario_sha256": sha256(scenario),
            "scenario_text": loaded.opened.text,
            "overrides": list(overrides),
            "data_sha256": dataset.fingerprint,
            "versions": dict(versions()),
            **statement.promises(scenario),
            "dataset": {
                "source": dataset.source,
                "licence": dataset.licence,
                "classes": list(dataset.classes),
                "test_records": len(records.division.test),
                "validation_records": len(records.division.validation),
            },
            "experiences": list(records.division.experiences.names),
            "clients": _clients(scenario, records),
            "model": {"kind": scenario.model.kind},
        },
    )


def outlook_for(scenario: Scenario) -> Outlook:
    """What planning goes by, with the plans checked that can be without training.

    Raises ScenarioError where the data, the model, the events, the drawn cohorts or the epsilon asked for cannot work.
    """
    records = records_of(scenario)
    scenario.model.size(records.dataset.shape, len(records.dataset.classes))
    unfit = [
        f"audit[{number}].{key}: {reason}"
        for number, audit in enumerate(scenario.audit)
        for key, reason in audit.conflicts(records.dataset.classes)
    ]
    if unfit:
        raise ScenarioError(unfit)
    outlook = planning.outlook_of(scenario)
    planning.require_quorum(outlook)
    planning.noise_by_client(outlook)
    return outlook


def now() -> str:
    """The time as a manifest writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _made(folder: Path) -> bool:
    """Make a folder; False where there is one, or anything else of that name, already."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def _clients(scenario: Scenario, records: Records) -> dict[str, object]:
    dataset, division = records.dataset, records.division
    partition = scenario.data.partition
    key = partition.key(dataset.keys) if isinstance(partition, Natural) else None
    clients: dict[str, object] = {}
    for client, (indices, own) in enumerate(zip(division.train, division.holdings, strict=True)):
        segments = {
            segment.name: {
                "experience": segment.experience,
                "records": segment.size,
                "labels": _labels(dataset, segment.records),
            }
            for segment in own
        }
        clients[str(client)] = {
            "name": key.names[client] if key is not None else f"client {client}",
            "records": len(indices),
            "labels": _labels(dataset, indices),
            **({"segments": segments} if scenario.stream is not None or len(own) > 1 else {}),
        }
    return clients


def _labels(dataset: Dataset, indices: Labels) -> dict[str, int]:
    counts = np.bincount(dataset.labels[indices], minlength=len(dataset.classes))
    return {name: int(count) for name, count in zip(dataset.classes, counts, strict=True)}
