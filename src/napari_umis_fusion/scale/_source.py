"""What an OME-Zarr input holds: an image, or the fields of a plate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from os import PathLike
from typing import Any

from napari_umis_fusion.errors import ConfigError, StackFileError
from napari_umis_fusion.files.ome_zarr import ZarrImage, content_of, image_of, open_group
from napari_umis_fusion.runtime import reason_of

KNOWN_AXES = ("t", "c", "z", "y", "x")
"""Axes of images that are fused, in the order that OME-Zarr asks for."""


@dataclass(frozen=True, slots=True)
class ZarrSource:
    """An input.

    Attributes
    ----------
    url : str
        Path or address.
    fields : tuple of ZarrImage
        One for an image; those of all chosen wells for a plate.
    plate : dict or None
        What the plate says of itself, with the chosen wells only, as JSON values.
    """

    url: str
    fields: tuple[ZarrImage, ...]
    plate: dict[str, Any] | None = None


def open_source(url: str | PathLike[str], wells: str | Sequence[str] = ()) -> ZarrSource:
    """Open an image or a plate; no values are read.

    Parameters
    ----------
    url : str or path
        A folder, or an address that fsspec knows, such as ``https://`` or ``s3://``.
    wells : str or sequence of str
        Names of wells, such as ``B03``, or patterns, such as ``C*``, separated by commas; by
        default all.

    Raises
    ------
    StackFileError
        If it is not OME-Zarr of version 0.4 or 0.5, or is neither an image nor a plate.
    ConfigError
        If wells are named and there are none of that name.
    """
    text, group, content = open_group(url)
    patterns = _patterns(wells)
    if "plate" in content:
        return _open_plate(text, group, content["plate"], patterns)
    if patterns:
        raise ConfigError(f"wells={wells!r}, but {text} is no plate; leave the wells out.")
    return ZarrSource(text, (_checked(image_of(text, group, content)),))


def _checked(image: ZarrImage) -> ZarrImage:
    """Refuse axes that cannot be fused block by block."""
    known = [name for name in KNOWN_AXES if name in image.axes]
    if list(image.axes) != known or not {"z", "y", "x"} <= set(known):
        raise StackFileError(
            f"{image.array}: got axes {', '.join(image.axes)}; accepted are z, y, x, and before "
            "them t and c, in the order t, c, z, y, x. Convert it, or choose another image."
        )
    return image


def _patterns(wells: str | Sequence[str]) -> list[str]:
    parts = wells.split(",") if isinstance(wells, str) else list(wells)
    return [part.strip().replace("/", "").upper() for part in parts if part.strip()]


def _open_plate(url: str, group: Any, plate: dict[str, Any], patterns: list[str]) -> ZarrSource:
    chosen = [well for well in plate["wells"] if _is_chosen(well["path"], patterns)]
    names = [well["path"].replace("/", "") for well in plate["wells"]]
    unmet = [one for one in patterns if not any(fnmatchcase(name.upper(), one) for name in names)]
    if unmet:
        raise ConfigError(
            f"wells {', '.join(unmet)} are not in {url}; accepted are {', '.join(names[:12])}"
            f"{', ...' if len(names) > 12 else ''}, and patterns such as {names[0][0]}*."
        )
    fields = tuple(field for well in chosen for field in _fields_of(url, group, well["path"]))
    if not fields:
        raise StackFileError(f"{url}: its wells hold no images; accepted are plates with fields.")
    return ZarrSource(url, fields, {**plate, "wells": chosen})


def _is_chosen(path: str, patterns: list[str]) -> bool:
    name = path.replace("/", "").upper()
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _fields_of(url: str, group: Any, well: str) -> Iterator[ZarrImage]:
    """Open the fields of a well."""
    path = well
    try:
        for image in content_of(group[well])["well"]["images"]:
            path = f"{well}/{image['path']}"
            content = content_of(group[path])
            yield _checked(image_of(f"{url}/{path}", group[path], content, path))
    except StackFileError:
        raise
    except Exception as error:
        raise StackFileError(
            f"{url}: {path} cannot be read ({reason_of(error)}). Repair it, or leave the well out "
            "by naming the others."
        ) from error
