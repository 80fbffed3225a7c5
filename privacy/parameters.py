"""The base of every parameter class that a person fills in from a scenario file."""

from pydantic import BaseModel, ConfigDict


class Parameters(BaseModel):
    """Frozen, strict (TOML has real types), without unknown keys, without NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
