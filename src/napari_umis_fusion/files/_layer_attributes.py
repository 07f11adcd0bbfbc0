"""Attributes of layers that are read from files, in napari's terms."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_umis_fusion.stack import Calibration

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

LayerData = tuple[Any, dict[str, Any], str]
"""Array, attributes and kind of a layer, as napari exchanges it."""

FILE_KEY = "umis_fusion_file"
"""Entry of a layer's metadata: path, series and index from which the layer was read."""

POSITIONS_KEY = "z_positions_um"
"""Entry below `FILE_KEY`: distance of each plane from the first, in µm, where steps are uneven."""

PLANE_FILES_KEY = "files"
"""Entry below `FILE_KEY`: the files of planes that are read only when they are needed."""

ABSENT_KEY = "absent"
"""Entry below `FILE_KEY`: places, along all axes but y and x, of planes that were never recorded,
or whose files are absent; they are shown blank."""

OPTICS_KEY = "optics"
"""Entry below `FILE_KEY`: how each channel of the layer was taken: fields of `ChannelOptics`."""

MOSAIC_KEY = "is_mosaic"
"""Entry below `FILE_KEY`: True if the files say that planes are a Bayer mosaic."""

RUN_KEY = "umis_fusion"
"""Entry of a layer's metadata: provenance of an image that this package made."""

_COLORMAPS: dict[Colour, str] = {
    (255, 255, 255): "gray",
    (0, 255, 0): "green",
    (255, 0, 255): "magenta",
    (0, 255, 255): "cyan",
    (255, 255, 0): "yellow",
    (255, 0, 0): "red",
    (0, 0, 255): "blue",
}
_WHITE = (255, 255, 255)
_BLACK = (0, 0, 0)


def placement_attributes(
    axes: Sequence[str], calibration: Calibration, time_step_s: float | None = None
) -> dict[str, Any]:
    """Return axis labels, scale and units of a layer.

    Parameters
    ----------
    axes : sequence of str
        Labels of the axes.
    calibration : Calibration
        Physical sizes along z, y and x.
    time_step_s : float, optional
        Interval between time points, in s.

    Returns
    -------
    dict
        ``axis_labels``, ``scale`` and ``units``: µm or s where known, else pixel.
    """
    known = {
        "z": (calibration.z_step_um, "um"),
        "y": (calibration.pixel_height_um, "um"),
        "x": (calibration.pixel_width_um, "um"),
        "t": (time_step_s, "s"),
    }
    sizes = [known.get(axis, (None, "")) for axis in axes]
    return {
        "axis_labels": tuple(axes),
        "scale": tuple(1.0 if size is None else size for size, _ in sizes),
        "units": tuple("pixel" if size is None else unit for size, unit in sizes),
    }


def layer_stem(path: Path) -> str:
    """Return the name of a file's layer: without ".tif", ".ome.tif" or ".imagej.tif"."""
    stem = path.stem
    ends = [end for end in (".ome", ".imagej") if stem.lower().endswith(end)]
    return stem[: -len(ends[0])] if ends else stem


def channel_appearance(colours: Sequence[Colour | None]) -> list[dict[str, Any]]:
    """Return how the channels of one image are shown: each in one colour, blended additively.

    Parameters
    ----------
    colours : sequence
        (red, green, blue) of each channel, or None. Several channels that are all white or
        unknown, as most programs write them, get different colours.

    Returns
    -------
    list of dict
        ``colormap`` and, for several channels, ``blending``.
    """
    # A black colormap would hide the channel: it means that no colour was set.
    if len(colours) == 1:
        return [{} if colours[0] in (None, _BLACK) else {"colormap": ramp_name(colours[0])}]
    has_colours = any(colour not in (None, _WHITE, _BLACK) for colour in colours)
    # Without grey, the first one, which would hide the other channels' colours.
    spare = itertools.cycle(list(_COLORMAPS.values())[1:])
    return [
        {
            "colormap": ramp_name(colour)
            if has_colours and colour not in (None, _BLACK)
            else next(spare),
            "blending": "additive",
        }
        for colour in colours
    ]


def ramp_colour(name: str) -> Colour | None:
    """Return the last colour of a colormap that starts black, by its name; None for others."""
    return next((colour for colour, known in _COLORMAPS.items() if known == name), None)


def ramp_name(colour: Colour | None) -> str:
    """Return the name of the colormap from black to a colour; white if it is None."""
    red, green, blue = colour or _WHITE
    return _COLORMAPS.get((red, green, blue), f"#{red:02x}{green:02x}{blue:02x}")
