"""How the maps of a fusion look as layers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

INDICES = ("index_map", "source_map")
"""Maps that hold numbers of planes."""

COLORMAPS: Mapping[str, str] = {
    "index_map": "viridis",
    "depth_map": "viridis",
    "depth_error_map": "magma",
    "confidence_map": "gray",
    "source_map": "viridis",
    "focus_map": "gray",
}

_MAGENTA, _TRANSPARENT = np.array([1, 0, 1, 1]), np.zeros(4)

NEVER_LOOK: Mapping[str, Any] = {
    "colormap": {1: _MAGENTA, None: _TRANSPARENT},
    "opacity": 0.5,
    "visible": True,
}
"""Appearance of the marks of what is never in focus: they are looked at over the image."""


def map_look(kind: str, array: NDArray[Any], planes: range, step: float) -> dict[str, Any]:
    """Return the appearance of a map, which is hidden at first.

    Parameters
    ----------
    kind : str
        A key of `COLORMAPS`.
    array : ndarray
        The finished map.
    planes : range
        Planes that were fused.
    step : float
        Distance between planes, in the unit of the layer.
    """
    first, last = planes.start, max(planes[-1], planes.start + 1)
    limits = {
        **dict.fromkeys(INDICES, (first, last)),
        "depth_map": (first * step, last * step),
        "depth_error_map": (0.0, 0.5 * step),
        "confidence_map": (0.0, 1.0),
    }
    if kind == "focus_map":
        limits[kind] = (0.0, float(array.max()) or 1.0)
    return {"colormap": COLORMAPS[kind], "contrast_limits": limits[kind], "visible": False}


def plane_colours(planes: range) -> dict[str, Any]:
    """Return a colour for each plane, also plane 0: napari shows label 0 as transparent."""
    # imported here: only label layers need it, and it is slow
    from matplotlib import colormaps

    shades = colormaps["viridis"](np.linspace(0, 1, len(planes)))
    colours: dict[int | None, Any] = dict(zip(planes, shades, strict=True))
    return {"colormap": {**colours, None: np.zeros(4)}}
