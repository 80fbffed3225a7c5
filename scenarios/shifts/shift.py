"""What shifts have in common: what a picture is, and the refusals.

Every shift has two functions. `apply(inputs, labels, classes, rng)` takes float32[n, ...] and int64[n] and gives the
changed pair; it never writes into what it was given, keeps shapes and types, and leaves pictures in 0..1. What it
draws comes from `rng` alone, so that a generator of the same state changes training and test records alike.
`refusal(record, classes)` says in words why records of this shape, with so many classes, cannot be changed so, or None.
"""

PICTURE_AXES = 3


def is_picture(record: tuple[int, ...]) -> bool:
    """Whether a record is [channels, height, width]."""
    return len(record) == PICTURE_AXES


def needs_picture(kind: str, record: tuple[int, ...]) -> str | None:
    """The refusal of records that are no pictures."""
    if is_picture(record):
        return None
    return f'"{kind}" needs pictures [channels, height, width], but a record of this data set has the shape {record}'


def needs_class(field: str, label: int, classes: int) -> str | None:
    """The refusal of a label that the data set does not have."""
    return None if 0 <= label < classes else f"{field} must be one of the classes 0 to {classes - 1}, not {label}"
