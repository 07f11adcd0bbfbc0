"""One image of OME-Zarr: where it is, its axes and sizes, as plain data."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.request import url2pathname

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.ome_zarr._address import is_address
from napari_umis_fusion.files.ome_zarr._group import VERSIONS, open_group
from napari_umis_fusion.files.ome_zarr._zarr_kind import image_paths
from napari_umis_fusion.runtime import count_noun, reason_of
from napari_umis_fusion.stack import Calibration, length_um

_LOCAL = "file://"
_SHOWN = 4
"""Images that are named where one is to be chosen."""

_COLOUR = re.compile("#?([0-9a-fA-F]{6})")


@dataclass(frozen=True, slots=True)
class ZarrImage:
    """An image; of a plate, one field of a well.

    Attributes
    ----------
    name : str
        Its path in the input, such as ``B/03/0``; empty for an image that is the whole input.
    array : str
        Path or address of the array of full resolution.
    axes : tuple of str
        Names of the axes, in small letters.
    shape : tuple of int
        Sizes along them.
    dtype : str
        Of the values.
    scale, translation : tuple of float
        Size of a pixel, and place of the first one, along each axis.
    units : tuple of (str or None)
        Their units.
    channels : tuple of dict
        What ``omero`` says of each channel; empty if nothing.
    written_ns : int
        When the array was described, by the clock of its file system; 0 for an address.
    """

    name: str
    array: str
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    units: tuple[str | None, ...]
    channels: tuple[dict[str, Any], ...] = ()
    written_ns: int = 0

    def size(self, axis: str) -> int:
        """Return the size along an axis; 1 where there is none."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    @property
    def plane_shape(self) -> tuple[int, int]:
        """(Y, X) of the planes."""
        return self.size("y"), self.size("x")

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels, as far as they are told."""
        return tuple(str(one.get("label") or "") for one in self.channels)

    @property
    def channel_colours(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Red, green and blue of the channels, as far as they are told."""
        return tuple(colour_of(one.get("color")) for one in self.channels)

    @property
    def calibration(self) -> Calibration:
        """Physical sizes, as far as their units are lengths."""
        z_um, height_um, width_um = (self._length_um(axis) for axis in "zyx")
        return Calibration(z_um, height_um, width_um)

    def _length_um(self, axis: str) -> float | None:
        if axis not in self.axes:
            return None
        place = self.axes.index(axis)
        unit = self.units[place]
        return length_um(abs(self.scale[place]), unit) if unit else None

    @property
    def output_dtype(self) -> np.dtype[Any]:
        """The dtype of the values, in native byte order."""
        return np.dtype(self.dtype).newbyteorder("=")


def open_image(url: str | PathLike[str]) -> ZarrImage:
    """Open an image of OME-Zarr; no values are read.

    Parameters
    ----------
    url : str or path
        A folder, or an address that fsspec knows.

    Raises
    ------
    StackFileError
        If it is no image of OME-Zarr 0.4 or 0.5, or packages of the extra ``scale`` are missing.
    """
    text, group, content = open_group(url)
    return image_of(text, group, content)


def image_of(url: str, group: Any, content: dict[str, Any], name: str = "") -> ZarrImage:
    """Return the image of a group, at full resolution.

    Parameters
    ----------
    url : str
        Path or address of the input, for messages.
    group : yaozarrs.ZarrGroup
    content : dict
        What it says in the words of OME.
    name : str
        Path of the group in the input.

    Raises
    ------
    StackFileError
        If it is no image, or its array cannot be read.
    """
    check_is_image(url, content)
    try:
        return _image_of(group, content, name)
    except StackFileError:
        raise
    except Exception as error:
        raise StackFileError(
            f"{url}: its array cannot be read ({reason_of(error)}). Repair it, or choose another "
            "image."
        ) from error


def check_is_image(url: str, content: dict[str, Any]) -> None:
    """Refuse a plate, or a folder of several images; raises `StackFileError` that names some."""
    if "multiscales" in content:
        return
    found = () if is_address(url) else image_paths(url)
    if not found and not is_address(url):
        raise StackFileError(
            f"{url}: holds no image of OME-Zarr that is understood; accepted are images and plates "
            f"of version {' and '.join(VERSIONS)}. Choose another folder."
        )
    is_plate = "plate" in content
    more = ", ..." if len(found) > _SHOWN else ""
    held = f"{count_noun(len(found), 'field' if is_plate else 'image')} " if found else ""
    shown = f"({', '.join(found[:_SHOWN])}{more})" if found else "a plate or several images"
    some = found[0] if found else "B/03/0" if is_plate else "0"
    raise StackFileError(
        f"{url}: holds {held}{shown}; accepted is one image. Name one, such as {url}/{some}, or "
        f"fuse all with umis-fusion {'zarr' if is_plate else 'batch'}."
    )


def _image_of(group: Any, content: dict[str, Any], name: str) -> ZarrImage:
    multiscale = content["multiscales"][0]
    dataset = multiscale["datasets"][0]
    array = group[dataset["path"]]
    scale, translation = placement_of(multiscale, dataset)
    channels = (content.get("omero") or {}).get("channels", ())
    read, address = array.to_zarr_python(), address_of(array)
    return ZarrImage(
        name,
        address,
        axes_of(multiscale, address, read.shape),
        tuple(int(side) for side in read.shape),
        str(read.dtype),
        scale,
        translation,
        tuple(one.get("unit") for one in multiscale["axes"]),
        tuple(channels),
        _stamp(address),
    )


def colour_of(text: Any) -> tuple[int, int, int] | None:
    """Return a colour such as FF8000, with or without #; None where there is none."""
    found = _COLOUR.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    red, green, blue = bytes.fromhex(found[1])
    return red, green, blue


def axes_of(multiscale: dict[str, Any], path: str, sides: Sequence[int]) -> tuple[str, ...]:
    """Return the names of axes; raises `StackFileError` if the array at a path has others."""
    axes = tuple(str(one["name"]).lower() for one in multiscale["axes"])
    if len(sides) != len(axes):
        raise StackFileError(
            f"{path}: is described with {len(axes)} axes, {', '.join(axes)}, but its array has "
            f"{len(sides)}: {' x '.join(map(str, sides))}. Repair the description."
        )
    return axes


def placement_of(
    multiscale: dict[str, Any], dataset: dict[str, Any]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return size of a pixel and place of the first one, along each axis, of one level."""
    common = multiscale.get("coordinateTransformations") or []
    scale, translation = [1.0] * len(multiscale["axes"]), [0.0] * len(multiscale["axes"])
    for step in [*dataset["coordinateTransformations"], *common]:
        factors = step.get("scale")
        if factors is not None:
            scale = [one * factor for one, factor in zip(scale, factors, strict=True)]
            translation = [one * by for one, by in zip(translation, factors, strict=True)]
        moves = step.get("translation") or [0.0] * len(scale)
        translation = [one + by for one, by in zip(translation, moves, strict=True)]
    return tuple(scale), tuple(translation)


def address_of(array: Any) -> str:
    """Return what `zarr` opens the array by, in this process or another."""
    address = str(array.store_path)
    if not address.startswith(_LOCAL):
        return address
    # A URI has %20 for a space, which a path must not have.
    return url2pathname(address.removeprefix(_LOCAL))


def _stamp(address: str) -> int:
    """Return when the description of a local array was last written, in ns; 0 for addresses."""
    if is_address(address):
        return 0
    found = [Path(address) / name for name in ("zarr.json", ".zarray")]
    return max((path.stat().st_mtime_ns for path in found if path.is_file()), default=0)
