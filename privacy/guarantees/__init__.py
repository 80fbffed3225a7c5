"""What a scenario promises about the data: a file for each kind; another kind is one more line."""

from typing import Annotated

from pydantic import Field

from privacy.guarantees.dp_sgd import Budget, DpSgd
from privacy.guarantees.none import NoPrivacy

PrivacyParameters = Annotated[NoPrivacy | DpSgd, Field(discriminator="kind")]

__all__ = ["Budget", "DpSgd", "NoPrivacy", "PrivacyParameters"]
