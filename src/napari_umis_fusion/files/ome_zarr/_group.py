"""A group of OME-Zarr, and what it says of itself."""

from os import PathLike, fspath
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.ome_zarr._address import (
    DESCRIPTIONS,
    absolute_url,
    is_address,
    is_zarr,
)
from napari_umis_fusion.files.ome_zarr._extra import needs_scale
from napari_umis_fusion.files.ome_zarr._zarr_kind import image_url
from napari_umis_fusion.runtime import reason_of

OWN_KEY = "napari-umis-fusion"
"""Attribute of a group that tells what this package says of it."""

VERSIONS = ("0.4", "0.5")
"""Versions of OME-Zarr that are read."""


def open_group(url: str | PathLike[str]) -> tuple[str, Any, dict[str, Any]]:
    """Open a group of OME-Zarr; no values are read.

    Parameters
    ----------
    url : str or path
        A folder, or an address that fsspec knows, such as ``https://`` or ``s3://``. A folder of
        one image, as bioformats2raw writes it, stands for that image.

    Returns
    -------
    url : str
        Absolute path, or the address.
    group : yaozarrs.ZarrGroup
    content : dict
        What it says in the words of OME, as JSON values.

    Raises
    ------
    StackFileError
        If it is not OME-Zarr of version 0.4 or 0.5, or packages of the extra ``scale`` are
        missing.
    """
    with needs_scale():
        import yaozarrs
    text = absolute_url(fspath(url))
    _check_folder(text)
    text = image_url(text)
    try:
        group = yaozarrs.open_group(text)
        return text, group, content_of(group)
    except Exception as error:
        raise StackFileError(
            f"{text}: cannot be opened as OME-Zarr ({reason_of(error)}); accepted are images and "
            f"plates of version {' and '.join(VERSIONS)}, in folders or at addresses."
        ) from error


def _check_folder(url: str) -> None:
    """Refuse a folder without any description of Zarr; addresses are not looked at."""
    path = Path(url)
    if is_address(url) or is_zarr(path):
        return
    if not path.exists():
        raise StackFileError(f"{url}: no such folder. Check the path.")
    raise StackFileError(
        f"{url}: is no OME-Zarr, since it holds none of {', '.join(DESCRIPTIONS)}; accepted are "
        "images and plates."
    )


def content_of(group: Any) -> dict[str, Any]:
    """Return what a group says of itself, as JSON values.

    Many programs leave out or misspell what fusing does not need, such as the contrast of
    channels: an image is taken as it is, if its levels and axes are told.
    """
    try:
        model = group.ome_metadata()
    except ValueError:
        told = _as_written(group)
        if _tells_levels(told):
            return told
        raise
    if model is None:
        return {}
    found: dict[str, Any] = model.model_dump(mode="json", exclude_none=True, by_alias=True)
    return found


def _as_written(group: Any) -> dict[str, Any]:
    attributes = dict(group.attrs)
    told = attributes.get("ome", attributes)
    return told if isinstance(told, dict) else {}


def _tells_levels(told: dict[str, Any]) -> bool:
    """Whether axes have names, and levels a path and a place."""
    try:
        (first, *_) = told["multiscales"]
        names = [one["name"] for one in first["axes"]]
        steps = [one["coordinateTransformations"] for one in first["datasets"] if one["path"]]
    except (KeyError, TypeError, ValueError):
        return False
    version = told.get("version", first.get("version"))
    return bool(names and steps) and version in VERSIONS
