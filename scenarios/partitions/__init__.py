"""Partitions by name (those of flwr-datasets): who holds which training records."""

from typing import Annotated

from pydantic import Field

from scenarios.partitions.dirichlet import Dirichlet
from scenarios.partitions.iid import Iid
from scenarios.partitions.natural import Natural
from scenarios.partitions.pathological import Pathological
from scenarios.partitions.quantity import Quantity

__all__ = ["AnyPartition", "Dirichlet", "Iid", "Natural", "PartitionParameters", "Pathological", "Quantity"]

AnyPartition = Iid | Dirichlet | Pathological | Quantity | Natural
PartitionParameters = Annotated[AnyPartition, Field(discriminator="kind")]
