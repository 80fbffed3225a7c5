"""Progress, read from the journal as it grows: the same for every engine, with or without colour, also when piped."""

import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from server import journal

_POLL_S = 0.1


class Progress:
    """Follows a journal in a thread and prints one line a round; a context manager around a run."""

    def __init__(self, path: Path, rounds: int) -> None:
        self._path, self._rounds = path, rounds
        self._begun = time.monotonic()
        self._seen = 0
        self._first_round = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._show_new()

    def _follow(self) -> None:
        while not self._stop.wait(_POLL_S):
            self._show_new()

    def _show_new(self) -> None:
        try:
            records = journal.read(self._path)
        except (OSError, ValueError):
            return
        for record in records[self._seen :]:
            if record.get("kind") == "round":
                self._first_round = self._first_round or int(record["round"])
                print(self._line(record), file=sys.stderr, flush=True)  # noqa: T201
        self._seen = len(records)

    def _line(self, record: dict[str, Any]) -> str:
        round_ = int(record["round"])
        done = round_ - self._first_round + 1
        left = (time.monotonic() - self._begun) / done * (self._rounds - round_)
        spent = [value for value in (record.get("epsilon") or {}).values() if value is not None]
        epsilon = f"  epsilon {max(spent):6.3f}" if spent else ""
        trained = sum(report["status"] == "trained" for report in record["reports"].values())
        megabytes = (record["sent_bytes"] + record["received_bytes"]) / 1e6
        return (
            f"round {round_:>{len(str(self._rounds))}}/{self._rounds}  accuracy {record['accuracy']:.4f}"
            f"  loss {record['loss']:.4f}{epsilon}  clients {trained}/{len(record['cohort'])}"
            f"  {megabytes:7.2f} MB  {record['seconds']:5.2f} s  left {left:4.0f} s"
        )
