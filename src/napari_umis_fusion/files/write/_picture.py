"""A layer as it is shown: 8 bits, in its colours, with a scale bar and a colour bar."""

import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files._layer_attributes import RUN_KEY
from napari_umis_fusion.files._layer_image import LayerImage
from napari_umis_fusion.files.write._colour_table import ColourTable, colour_table, coloured
from napari_umis_fusion.files.write._formats import PNG, output_format, with_extension
from napari_umis_fusion.files.write._image import write_image
from napari_umis_fusion.files.write._writable_layer import only_plane, writable_layer
from napari_umis_fusion.stack import length_um

LEAST_SIDE_PX = 384
"""Smaller pictures are enlarged by a whole number, so that numbers have room."""

BAR_SHARE = 0.2
"""Part of the width that the scale bar covers at least half of."""

TICKS = 5
"""Most numbers beside the colour bar, about."""

_Pixels = NDArray[np.uint8]
_UNITS = {"index_map": "plane", "source_map": "plane", "confidence_map": "", "focus_map": ""}


def write_picture(
    path: str | os.PathLike[str],
    data: Any,
    attributes: Mapping[str, Any],
    *,
    protect: Iterable[str | os.PathLike[str]] = (),
) -> list[str]:
    """Write one plane as a picture: as napari shows it, for talks and papers.

    Colormap, contrast limits and gamma are applied. Pixels become square. A scale bar is drawn
    where the size of a pixel is known, and beside a map a bar of its colours. Values that are not
    a number are transparent. For raw values, see `write_image_layer`.

    Parameters
    ----------
    path : path
        Ends in .png; the extension is added if there is none. An existing file is replaced.
    data : array-like
        The plane, grey or colour; axes of size 1 are ignored.
    attributes : mapping
        Attributes of the layer, as napari or `fuse_layer` give them.
    protect : iterable of path
        Files that must not be overwritten, besides those that the layer was read from.

    Returns
    -------
    list of str
        The file written.

    Raises
    ------
    StackFileError
        If the layer has several planes, or the path is refused.
    """
    target = with_extension(path, PNG)
    if output_format(target) is not PNG:
        msg = f"{target}: a picture is a PNG; end the name in .png."
        raise StackFileError(msg)
    layer = writable_layer(data, attributes)
    plane = only_plane(layer, target)
    picture = draw_picture(plane, layer.image, layer.plane)
    is_result = RUN_KEY in layer.image.metadata
    written = write_image(
        target,
        picture,
        rgb=True,
        provenance={} if is_result else None,
        protect=[*layer.sources, *protect],
    )
    return [str(written)]


def draw_picture(plane: NDArray[Any], image: LayerImage, axes: tuple[int, int]) -> _Pixels:
    """Return a plane in its colours, with its bars.

    Parameters
    ----------
    plane : ndarray of shape (Y, X) or (Y, X, C)
        Values; with C, colour.
    image : LayerImage
        The layer: its appearance and sizes.
    axes : tuple of int
        Axes of the layer that are y and x.

    Returns
    -------
    ndarray of shape (Y, X, 3) or (Y, X, 4), uint8
        With opacity only where something is transparent.
    """
    table = None
    if image.rgb:
        pixels = _rgba(plane)
    else:
        table = colour_table(image.look.get("colormap"))
        limits = _limits(plane, image.look.get("contrast_limits"))
        gamma = float(image.look.get("gamma", 1.0))
        pixels = coloured(plane, limits, gamma, table)
    sizes = [abs(float(image.placement.scale[axis])) for axis in axes]
    pixels, factor = _enlarged(pixels, sizes)
    canvas = Image.fromarray(pixels, "RGBA")
    font = _font(max(14, min(canvas.size) // 28))
    um = length_um(sizes[1], image.units[axes[1]])
    if um is not None:
        _draw_scale_bar(canvas, um / factor, font)
    unit = _unit_of_values(image, table)
    if table is not None and unit is not None:
        canvas = _with_colour_bar(canvas, table, limits, gamma, unit, font)
    drawn = np.asarray(canvas)
    return drawn if (drawn[..., 3] < 255).any() else np.ascontiguousarray(drawn[..., :3])


def _font(size_px: int) -> Any:
    # imported here: pictures are written rarely; Pillow's own font has no "µ"
    import matplotlib

    return ImageFont.truetype(f"{matplotlib.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size_px)


def _rgba(plane: NDArray[Any]) -> _Pixels:
    if plane.dtype.kind == "f":
        shown = np.rint(255 * np.clip(np.nan_to_num(plane), 0, 1)).astype(np.uint8)
    else:
        most = np.iinfo(plane.dtype).max if plane.dtype != bool else 1
        share = np.clip(plane, 0, None).astype(np.float64) / most
        shown = np.rint(255 * share).astype(np.uint8)
    whole: _Pixels = np.full((*shown.shape[:2], 4), 255, np.uint8)
    whole[..., : shown.shape[-1]] = shown
    return whole


def _limits(plane: NDArray[Any], given: Any) -> tuple[float, float]:
    if given is not None and len(given) == 2 and given[0] < given[1]:
        return float(given[0]), float(given[1])
    known = plane[np.isfinite(plane)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    return low, high if high > low else low + 1


def _enlarged(pixels: _Pixels, sizes: list[float]) -> tuple[_Pixels, float]:
    """Return square pixels, enough of them, and how many cover one pixel along x."""
    finest = min(sizes)
    factors = [size / finest for size in sizes]
    longest = max(side * factor for side, factor in zip(pixels.shape, factors, strict=False))
    more = math.ceil(LEAST_SIDE_PX / longest)
    height, width = (
        max(1, round(side * factor * more))
        for side, factor in zip(pixels.shape, factors, strict=False)
    )
    rows = np.arange(height) * pixels.shape[0] // height
    columns = np.arange(width) * pixels.shape[1] // width
    return pixels[rows][:, columns], width / pixels.shape[1]


def _draw_scale_bar(canvas: Image.Image, um_per_px: float, font: Any) -> None:
    width, height = canvas.size
    bar_um = round_down(width * BAR_SHARE * um_per_px)
    length, thick = round(bar_um / um_per_px), max(3, height // 120)
    margin = max(8, min(canvas.size) // 32)
    right, bottom = width - margin, height - margin
    box = (right - length, bottom - thick, right, bottom)
    draw = ImageDraw.Draw(canvas)
    # White in black, which stands out on every image.
    draw.rectangle((box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1), fill="black")
    draw.rectangle(box, fill="white")
    place = (right - length / 2, bottom - thick - 4)
    ink: dict[str, Any] = {"fill": "white", "stroke_width": 2, "stroke_fill": "black"}
    draw.text(place, length_text(bar_um), font=font, anchor="mb", **ink)


def _with_colour_bar(
    canvas: Image.Image,
    table: ColourTable,
    limits: tuple[float, float],
    gamma: float,
    unit: str,
    font: Any,
) -> Image.Image:
    ticks = nice_ticks(*limits)
    texts = [f"{tick:g}" for tick in ticks]
    line, wide = font.getbbox("0")[3], max(font.getlength(text) for text in (*texts, unit))
    bar, gap = max(14, canvas.height // 24), max(6, line // 2)
    top, bottom = line * 2 + gap, canvas.height - line
    whole = Image.new("RGBA", (math.ceil(canvas.width + bar + wide + 4 * gap), canvas.height))
    whole.paste(canvas, (0, 0))
    draw = ImageDraw.Draw(whole)
    draw.rectangle((canvas.width, 0, whole.width, whole.height), fill="white")
    left = canvas.width + gap
    values = np.linspace(limits[1], limits[0], bottom - top)[:, None].repeat(bar, 1)
    whole.paste(Image.fromarray(coloured(values, limits, gamma, table), "RGBA"), (left, top))
    draw.rectangle((left, top, left + bar, bottom), outline="black")
    for tick, text in zip(ticks, texts, strict=True):
        y = bottom - (tick - limits[0]) / (limits[1] - limits[0]) * (bottom - top)
        draw.line((left + bar, y, left + bar + gap // 2, y), fill="black")
        draw.text((left + bar + gap, y), text, fill="black", font=font, anchor="lm")
    draw.text((left, top - gap), unit, fill="black", font=font, anchor="ls")
    return whole


def _unit_of_values(image: LayerImage, table: ColourTable | None) -> str | None:
    """Return the unit of a map, "" if it has none; None for an image, which needs no bar."""
    run = image.metadata.get(RUN_KEY)
    kind = run.get("output") if isinstance(run, Mapping) else None
    if isinstance(run, Mapping) and isinstance(run.get("unit"), str):
        return str(run["unit"])
    if kind in _UNITS:
        return _UNITS[kind]
    # A ramp from black is how images are shown; other colours stand for values.
    is_ramp = table is None or not table[0, :3].any()
    return None if kind is not None or is_ramp else ""


def round_down(value: float) -> float:
    """Return the largest of 1, 2 and 5, times a power of ten, that is not above a value."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (5.0, 2.0, 1.0) if step * power <= value * (1 + 1e-9))


def length_text(um: float) -> str:
    """Return a length in nm, µm or mm, such as "50 µm"."""
    for unit, size in (("mm", 1e3), ("µm", 1.0)):
        if um >= size * (1 - 1e-9):
            return f"{um / size:g} {unit}"
    return f"{um * 1e3:g} nm"


def nice_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from `low` to `high`, at least the first and last of them."""
    step = round_down((high - low) / TICKS)
    while (high - low) / step > TICKS + 1:
        step = round_down(step * 2.5)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]
