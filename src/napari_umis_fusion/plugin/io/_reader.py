"""Read images, z-stacks above all, and leave other files to other readers."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_umis_fusion.files.ome_zarr import scale_is_installed, zarr_kind, zarr_layers
from napari_umis_fusion.files.read import (
    can_read,
    list_files,
    may_be_planes,
    read_layers,
    survey_files,
)
from napari_umis_fusion.plugin.opening import shown_viewer
from napari_umis_fusion.scale import plate_layers

if TYPE_CHECKING:
    from napari_umis_fusion.plugin.opening import SingleImages

NOTHING: list[Any] = [(None,)]
"""What a reader returns, in npe2's terms, that adds no layer."""


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[Any]] | None:
    """Return a reader for images; only the first header is read to decide.

    napari asks for all files of the extensions in the manifest, and shows an error for each one
    that is refused: what can be read is read, with or without z.

    Parameters
    ----------
    path : str or list of str
        An image file, a folder of images, or these in a list. The order of a list does not count:
        it is that in which a file manager happened to give them. OME-Zarr is read if no other
        plugin claims files of its kind.

    Returns
    -------
    callable or None
        `read`, or None for missing and unreadable files and those of other kinds. Never raises.
    """
    try:
        if _is_zarr_of_nobody(path):
            return read_zarr
        return read if can_read(path) else None
    except Exception:  # another reader may still read the file
        return None


def read(path: str | list[str]) -> list[Any]:
    """Read files as layers; where a user can be asked, a folder that is not clear is shown first.

    Returns
    -------
    list of (array, attributes, "image")
        As `read_layers`; `NOTHING` while the user is asked, who then opens the layers: also
        whether many channels without z are planes.
    """
    viewer = shown_viewer()
    if viewer is None:
        return read_layers(path, keeps_order=False)
    files = list_files(path)
    if len(files) == 1:
        layers = read_layers(path, keeps_order=False)
        if may_be_planes(layers):
            from napari_umis_fusion.plugin.opening import PlanesQuestion

            PlanesQuestion(viewer, layers, files[0].name.partition(".")[0]).show()
            return NOTHING
        # napari hands over dropped files one by one
        if _is_file(path) and _is_plane(layers):
            _single_images().add(files[0])
        return layers
    survey = survey_files(path)
    if survey.is_clear:
        return survey.layers()
    from napari_umis_fusion.plugin.opening import FolderDialog

    FolderDialog(viewer, survey).show()
    return NOTHING


def read_zarr(path: str | list[str]) -> list[Any]:
    """Read an image or a plate of OME-Zarr as layers; see `zarr_layers` and `plate_layers`."""
    (one,) = [path] if isinstance(path, str | os.PathLike) else path
    return plate_layers(one) if zarr_kind(one) == "plate" else zarr_layers(one)


def _is_zarr_of_nobody(path: str | list[str]) -> bool:
    """Whether a folder is an image or a plate of OME-Zarr that no other plugin reads."""
    (one, *more) = [path] if isinstance(path, str | os.PathLike) else path
    if more or zarr_kind(one) is None:
        return False
    return scale_is_installed() and not _others_read_zarr()


def _others_read_zarr() -> bool:
    """Whether a plugin claims OME-Zarr; napari itself shows bare arrays, without their places."""
    from npe2 import PluginManager

    manifests = PluginManager.instance().iter_manifests(disabled=False)
    return any(
        ".zarr" in pattern.lower()
        for manifest in manifests
        if manifest.name != "napari"
        for reader in manifest.contributions.readers or ()
        for pattern in reader.filename_patterns
    )


@cache
def _single_images() -> "SingleImages":
    from napari_umis_fusion.plugin.opening import SingleImages

    return SingleImages()


def _is_file(path: str | list[str]) -> bool:
    (one,) = [path] if isinstance(path, (str, os.PathLike)) else path
    return Path(one).is_file()


def _is_plane(layers: list[Any]) -> bool:
    return all(attributes["axis_labels"] == ("y", "x") for _, attributes, _ in layers)
