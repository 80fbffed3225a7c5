"""The visibility audit: who could read what, from the messages that travelled."""

from typing import Literal

from scenarios.audits.audit import Audit


class Visibility(Audit):
    """`kind = "visibility"`: it fits every run, since every journal holds the trace of its messages."""

    kind: Literal["visibility"] = "visibility"
