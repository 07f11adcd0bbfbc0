"""Physical sizes that a user gives."""

import math
from numbers import Real
from typing import Any

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.stack._stack import Calibration

_SIZES = ("z_step_um", "pixel_height_um", "pixel_width_um")


def check_given_sizes(given: Any) -> None:
    """Refuse sizes that are none: a depth map would be measured by them.

    Those that files tell are no matter of this: a negative step is a direction there.

    Raises
    ------
    ConfigError
        If it is no `Calibration`, or a size is not a positive number.
    """
    if not isinstance(given, Calibration):
        raise ConfigError(
            f"got {type(given).__name__} where physical sizes are; accepted is a Calibration, such "
            "as Calibration(z_step_um=0.5)."
        )
    for name in _SIZES:
        size = getattr(given, name)
        if size is not None and not (_is_finite(size) and size > 0):
            raise ConfigError(f"{name}={size!r}; accepted is a positive number of µm, or None.")
    positions = given.z_positions_um
    are_places = isinstance(positions, tuple) and all(map(_is_finite, positions))
    if positions is not None and not are_places:
        raise ConfigError(
            f"z_positions_um={positions!r}; accepted is a tuple of finite numbers of µm, or None."
        )


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, Real) and math.isfinite(value)
