"""The directory of a sweep: its grid and where each point stands, the runs themselves, the results and the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from privacy.errors import ScenarioError
from privacy.findings import Finding, from_json
from scenarios import grid, source
from scenarios.grid import Point, Sweep
from server.run_directory.files import RunDirectory, read_json, require_files, write_json

Table = dict[str, Any]


@dataclass(frozen=True)
class SweepDirectory:
    """The files of one sweep."""

    path: Path

    @property
    def sweep(self) -> Path:
        """The grid, its points and where each stands."""
        return self.path / "sweep.json"

    @property
    def results(self) -> Path:
        """A row for each run and each setting."""
        return self.path / "results.json"

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.path / "report.html"

    @property
    def runs(self) -> Path:
        """The folder of the run directories."""
        return self.path / "runs"

    def run(self, point: Point) -> RunDirectory:
        """The run directory of a point."""
        return RunDirectory(self.runs / point.name)

    def open(self) -> None:
        """Make the folder. Raises ScenarioError where that is impossible, or where something else is in it."""
        require_files(self.sweep, self.results, self.report)
        try:
            if self._is_somebody_elses():
                raise ScenarioError([f"--out {self.path}: exists already and is no sweep's; choose another"])
            self.runs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ScenarioError([f"--out {self.path}: {error.strerror}"]) from error

    def status(self, point: Point) -> tuple[str, str]:
        """How a point stands and why: "waiting", or what its run directory says, if that is this scenario's."""
        try:
            manifest = self.run(point).read_manifest()
        except (OSError, ValueError):
            return "waiting", ""
        if manifest["scenario_sha256"] != point.sha256:
            return "failed", f"{self.run(point).path} holds another scenario"
        return manifest["status"], str(manifest.get("reason") or "")

    def audited(self, point: Point) -> bool:
        """Whether the audits of a point, if it has any, have been written down."""
        return not point.loaded.scenario.audit or bool(findings_of(self.run(point)))

    def done(self, point: Point) -> bool:
        """Whether nothing of a point is left to play."""
        return self.status(point)[0] == "completed" and self.audited(point)

    def read(self) -> Sweep:
        """What is swept here, as its file was. Raises ScenarioError where that is not written down."""
        told = table_or_nothing(self.sweep)
        text, file, folder, overrides = (told.get(key) for key in ("scenario_text", "file", "folder", "overrides"))
        if not all(isinstance(one, str) for one in (text, file, folder)) or not isinstance(overrides, list):
            raise ScenarioError(
                [f"{self.sweep}: does not say how to go on; fedcrucible sweep FILE --out {self.path} does"]
            )
        said = [str(one) for one in overrides]
        return grid.of(source.open_text(str(text), Path(str(file)), said, Path(str(folder))), said)

    def write(self, sweep: Sweep, points: Sequence[Point]) -> None:
        """Write down what is swept and how each point stands."""
        write_json(
            self.sweep,
            {
                "format": 1,
                "name": sweep.first.name,
                "question": sweep.first.question,
                "scenario_text": sweep.opened.text,
                "file": str(sweep.opened.path.absolute()),
                "folder": str(sweep.opened.folder),
                "overrides": list(sweep.overrides),
                "keys": [axis.key for axis in sweep.axes],
                "front": sweep.front,
                "search": sweep.search and sweep.search.model_dump(),
                "points": [self._told(point) for point in points],
            },
        )

    def _is_somebody_elses(self) -> bool:
        """Whether anything is there that is not a sweep's; a kill before the first file leaves an empty `runs`."""
        if not self.path.is_dir() or self.sweep.exists():
            return False
        return any(entry != self.runs or not entry.is_dir() or any(entry.iterdir()) for entry in self.path.iterdir())

    def _told(self, point: Point) -> Table:
        return {
            "name": point.name,
            "settings": dict(point.settings),
            "scenario_sha256": point.sha256,
            "status": self.status(point)[0],
            "scenario": point.loaded.scenario.model_dump(mode="json"),
        }


def findings_of(directory: RunDirectory) -> list[Finding]:
    """What the audits of a run found; nothing where they are not done or cannot be read."""
    try:
        return [from_json(line) for line in directory.findings.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return []


def table_or_nothing(path: Path) -> Table:
    """A JSON object of a run; an empty one where there is none that can be read."""
    try:
        return read_json(path)
    except (OSError, ValueError):
        return {}
