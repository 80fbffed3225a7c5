"""A real Chromium, headless and without a network: the page as it stands once its scripts have run."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--virtual-time-budget=20000",
    "--enable-logging=stderr",
    "--v=0",
)
_PATIENCE_S = 120


@dataclass(frozen=True)
class Visit:
    """The document after its scripts have run, and what they wrote on the console."""

    dom: str
    console: tuple[str, ...]


def visit(page: Path, profile: Path) -> Visit:
    """Open a file in a fresh profile. Raises AssertionError where there is no Chromium: this never passes unseen."""
    browser = next(filter(None, map(shutil.which, _NAMES)), None)
    assert browser, f"none of {', '.join(_NAMES)} is on the PATH"
    command = [browser, *_FLAGS, f"--user-data-dir={profile}", "--dump-dom", page.resolve().as_uri()]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=True)
    return Visit(ended.stdout, tuple(line for line in ended.stderr.splitlines() if "CONSOLE" in line))
