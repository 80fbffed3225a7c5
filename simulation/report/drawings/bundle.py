"""Vega, Vega-Lite and vega-embed as one script, made by vl-convert from the copies that it carries.

Making it takes two seconds, so it is kept in the user's cache directory under the versions it was made of.
"""

import contextlib
import importlib.metadata
import os
from pathlib import Path

import vl_convert


def charting_script() -> str:
    """The script, safe to stand inside a script element."""
    path = _cache() / f"vega-{importlib.metadata.version('vl-convert-python')}.js"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        script = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # the stubs know no default
        script = script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    _keep(script, path)
    return script


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fedcrucible"


def _keep(script: str, path: Path) -> None:
    # Written aside and moved, so that another process never reads half a script; no cache is no failure.
    aside = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(script, encoding="utf-8")
        aside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink()
