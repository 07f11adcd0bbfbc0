"""How a layer looks, as JSON values in a file, and back as attributes of a layer."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from napari_umis_fusion.files._layer_attributes import ramp_name

_RAMPS = ("gray", "gray_r", "red", "green", "blue", "cyan", "magenta", "yellow")
_SHADES = ("viridis", "magma", "inferno", "plasma", "turbo", "hsv", "gist_earth", "PiYG")
_CYCLES = ("twilight", "twilight_shifted")
KNOWN_COLORMAPS = frozenset((*_RAMPS, *_SHADES, *_CYCLES))
"""Colormaps that every napari has: their name is enough."""

_BLENDINGS = frozenset(
    ("translucent", "translucent_no_depth", "additive", "minimum", "multiplicative", "opaque")
)
_MOST_COLOURS = 1024
_HEX = re.compile(r"(?:[0-9a-f]{8})+")


def look_record(attributes: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return the appearance of a layer as JSON values.

    Parameters
    ----------
    attributes : mapping
        Attributes of the layer, as napari or `fuse_layer` give them.
    kind : {"image", "labels"}
        Kind of the layer.
    """
    record: dict[str, Any] = {}
    for name, clean in _CLEAN.items():
        if name in attributes and (kind == "image" or name in _OF_LABELS):
            value = clean(_plain(attributes[name]))
            if value is not None:
                record[name] = value
    colormap = attributes.get("colormap")
    told = _labels_record(colormap) if kind == "labels" else _colormap_record(colormap)
    return record | ({"colormap": told} if told else {})


def look_attributes(record: Any, kind: str) -> dict[str, Any]:
    """Return the attributes that a file tells; what it tells wrongly is left out."""
    if not isinstance(record, Mapping):
        return {}
    cleaned = {name: _CLEAN[name](record.get(name)) for name in _CLEAN if name in record}
    attributes = {name: value for name, value in cleaned.items() if value is not None}
    read = _labels_colormap if kind == "labels" else _colormap
    colormap = read(record.get("colormap"))
    return attributes | ({} if colormap is None else {"colormap": colormap})


def _plain(value: Any) -> Any:
    """Return NumPy's and napari's values as those of Python."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    value = getattr(value, "value", value)
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value


def _number(low: float, high: float) -> Callable[[Any], float | None]:
    def clean(value: Any) -> float | None:
        fits = _is_number(value) and low <= value <= high
        return float(value) if fits else None

    return clean


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _limits(value: Any) -> tuple[float, float] | None:
    fits = isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))
    return (float(value[0]), float(value[1])) if fits and value[0] < value[1] else None


_CLEAN: dict[str, Callable[[Any], Any]] = {
    "visible": lambda value: value if isinstance(value, bool) else None,
    "opacity": _number(0.0, 1.0),
    "blending": lambda value: value if value in _BLENDINGS else None,
    "gamma": _number(0.01, 100.0),
    "contrast_limits": _limits,
    "interpolation2d": lambda value: value if value in ("nearest", "linear", "cubic") else None,
}
_OF_LABELS = ("visible", "opacity", "blending")


def _hex(colours: Any) -> str | None:
    """Return colours of 0 to 1 as hexadecimal bytes; None if they are something else."""
    try:
        values = np.asarray(colours, np.float64)
    except (TypeError, ValueError):
        return None
    if values.ndim != 2 or values.shape[1] != 4 or not 0 < len(values) <= _MOST_COLOURS:
        return None
    if not np.isfinite(values).all():
        return None
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8).tobytes().hex()


def _colours(text: Any) -> Any | None:
    if not isinstance(text, str) or not _HEX.fullmatch(text) or len(text) > 8 * _MOST_COLOURS:
        return None
    return np.frombuffer(bytes.fromhex(text), np.uint8).reshape(-1, 4) / 255


def _colormap_record(colormap: Any) -> dict[str, Any] | None:
    if isinstance(colormap, str):
        return {"name": colormap}
    if not isinstance(colormap, Mapping):
        colormap = {
            name: getattr(colormap, name)
            for name in ("name", "colors", "controls", "interpolation")
            if hasattr(colormap, name)
        }
    name, colours = str(colormap.get("name", "")), _hex(colormap.get("colors"))
    if name in KNOWN_COLORMAPS or colours is None:
        return {"name": name} if name in KNOWN_COLORMAPS else None
    record: dict[str, Any] = {"name": name, "colors": colours}
    if "controls" in colormap:
        record["controls"] = np.asarray(colormap["controls"], np.float64).round(6).tolist()
    interpolation = _plain(colormap.get("interpolation"))
    return record | ({"interpolation": "zero"} if interpolation == "zero" else {})


def _colormap(record: Any) -> Any | None:
    """Return a colormap by its name where napari has it, otherwise by its colours."""
    if not isinstance(record, Mapping):
        return None
    name = record.get("name")
    if isinstance(name, str) and (name in KNOWN_COLORMAPS or re.fullmatch("#[0-9a-f]{6}", name)):
        return name
    colours = _colours(record.get("colors"))
    if colours is None or len(colours) < 2:
        return None
    controls, step = record.get("controls"), record.get("interpolation") == "zero"
    options: dict[str, Any] = {"interpolation": "zero"} if step else {}
    if _is_rising(controls, len(colours) + step):
        options["controls"] = np.asarray(controls, np.float32)
    if len(colours) == 2 and not step and not colours[0, :3].any():
        red, green, blue = (round(255 * shade) for shade in colours[1, :3])
        return ramp_name((red, green, blue))
    return {"name": str(name or "colours of the file"), "colors": colours, **options}


def _is_rising(controls: Any, count: int) -> bool:
    fits = isinstance(controls, list) and len(controls) == count and all(map(_is_number, controls))
    return fits and controls[0] == 0 and controls[-1] == 1 and all(np.diff(controls) > 0)


def _labels_record(colormap: Any) -> dict[str, str] | None:
    """Return the colour of each label; None where napari cycles through colours of its own."""
    given = colormap if isinstance(colormap, Mapping) else getattr(colormap, "color_dict", None)
    if not isinstance(given, Mapping) or not given:
        return None
    colours = {"" if label is None else str(label): _hex([one]) for label, one in given.items()}
    return colours if None not in colours.values() else None  # type: ignore[return-value]


def _labels_colormap(record: Any) -> dict[int | None, Any] | None:
    if not isinstance(record, Mapping) or len(record) > _MOST_COLOURS:
        return None
    found: dict[int | None, Any] = {}
    for label, text in record.items():
        colours = _colours(text)
        if colours is None or len(colours) != 1 or not re.fullmatch(r"(-?\d{1,18})?", str(label)):
            return None
        found[int(label) if label else None] = colours[0]
    return {**found, None: found.get(None, np.zeros(4))} if found else None
