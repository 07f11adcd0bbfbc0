"""Colormaps as tables of 256 colours, and values in these colours."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.files._layer_attributes import ramp_colour

STEPS = 256

ColourTable = NDArray[np.uint8]
"""Red, green, blue and opacity of each step, (256, 4)."""


def colour_table(colormap: Any) -> ColourTable:
    """Return the colours of a layer's colormap, from the lowest value to the highest.

    Parameters
    ----------
    colormap : mapping, object or str
        As napari gives it, with ``colors`` (N, 4), ``controls`` and ``interpolation``; or a name
        that napari or matplotlib knows, or a colour such as "#ff8000". Grey for None.

    Returns
    -------
    ndarray of shape (256, 4), uint8
    """
    if colormap is None:
        colormap = "gray"
    if isinstance(colormap, str):
        return _named(colormap)
    given = colormap if isinstance(colormap, Mapping) else vars(colormap)
    colours = np.asarray(given["colors"], np.float64)
    steps = np.linspace(0, 1, STEPS)
    is_stepped = str(getattr(given.get("interpolation"), "value", given.get("interpolation")))
    if is_stepped == "zero":
        edges = given.get("controls")
        edges = np.linspace(0, 1, len(colours) + 1) if edges is None else np.asarray(edges)
        which = np.clip(np.searchsorted(edges, steps, "right") - 1, 0, len(colours) - 1)
        return _as_bytes(colours[which])
    controls = given.get("controls")
    places = np.linspace(0, 1, len(colours)) if controls is None else np.asarray(controls)
    return _as_bytes(np.stack([np.interp(steps, places, column) for column in colours.T], -1))


def coloured(
    values: NDArray[Any], limits: tuple[float, float], gamma: float, table: ColourTable
) -> NDArray[np.uint8]:
    """Return values in colours; what is not a number is transparent.

    Parameters
    ----------
    values : ndarray of shape (Y, X)
        Values of any dtype.
    limits : tuple of float
        Values of the first and the last colour.
    gamma : float
        Exponent of the share between the limits.
    table : ndarray of shape (256, 4), uint8
        The colours.

    Returns
    -------
    ndarray of shape (Y, X, 4), uint8
    """
    share = (values.astype(np.float64) - limits[0]) / (limits[1] - limits[0])
    known = ~np.isnan(share)
    share = np.clip(np.where(known, share, 0), 0, 1) ** gamma
    picture = table[np.rint(share * (STEPS - 1)).astype(np.intp)]
    picture[~known] = 0
    return picture


def _named(name: str) -> ColourTable:
    found = re.fullmatch("#([0-9a-fA-F]{6})", name)
    last = ramp_colour(name) if found is None else bytes.fromhex(found[1])
    if last is not None:
        ramp = np.linspace((0, 0, 0, 255), (*last, 255), STEPS)
        return np.rint(ramp).astype(np.uint8)
    # imported here: only names that are no ramps need it, and it is slow
    from matplotlib import colormaps

    shades = colormaps[name if name in colormaps else "gray"]
    return _as_bytes(shades(np.linspace(0, 1, STEPS)))


def _as_bytes(colours: NDArray[np.float64]) -> ColourTable:
    return np.rint(255 * np.clip(colours, 0, 1)).astype(np.uint8)
