"""No guarantee: the model is trained on the records as they are."""

from typing import Literal

from privacy.parameters import Parameters


class NoPrivacy(Parameters):
    """Nothing is promised to any record."""

    kind: Literal["none"] = "none"
