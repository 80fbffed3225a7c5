"""What a model can take, said in words where it cannot."""

from privacy.errors import ScenarioError


def require_image(kind: str, shape: tuple[int, ...], smallest: int) -> tuple[int, int, int]:
    """(channels, height, width) of one record. Raises ScenarioError where it is no image or a side is too short."""
    if len(shape) != 3:
        raise ScenarioError(
            [
                f'model.kind: "{kind}" needs images, but a record of this data set has the shape {shape}; '
                'use "logistic" or "mlp"'
            ]
        )
    channels, height, width = shape
    if min(height, width) < smallest:
        raise ScenarioError(
            [
                f'model.kind: "{kind}" needs images of at least {smallest} x {smallest} pixels with these settings, '
                f'not {height} x {width}; use "logistic" or "mlp"'
            ]
        )
    return channels, height, width
