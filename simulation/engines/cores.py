"""How many processes may work at a time, where nobody says."""

import os


def usable_cores() -> int:
    """The cores that this process may run on: a container or `taskset` may leave it fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
