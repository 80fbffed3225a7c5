"""The base of every parameter class that a person fills in from a scenario file."""

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Parameters(BaseModel):
    """Frozen, strict (TOML has real types), without unknown keys, without NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _named(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


Named = BeforeValidator(_named)
"""Lets a string stand for a table: `dataset = "digits"` is `dataset = { kind = "digits" }`."""
