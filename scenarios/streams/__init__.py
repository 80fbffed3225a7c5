"""Streams by name (Avalanche's terms): what data arrive when. One file a kind, one line here."""

from typing import Annotated

from pydantic import Field

from scenarios.streams.class_incremental import ClassIncremental
from scenarios.streams.data_incremental import DataIncremental
from scenarios.streams.domain_incremental import DomainIncremental
from scenarios.streams.stream import Experiences, LabelSpace

__all__ = [
    "AnyStream",
    "ClassIncremental",
    "DataIncremental",
    "DomainIncremental",
    "Experiences",
    "LabelSpace",
    "StreamParameters",
]

AnyStream = ClassIncremental | DomainIncremental | DataIncremental
StreamParameters = Annotated[AnyStream, Field(discriminator="kind")]
