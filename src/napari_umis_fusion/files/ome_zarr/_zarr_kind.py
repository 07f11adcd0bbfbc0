"""What a folder holds of OME-Zarr, by its descriptions alone."""

import os.path
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from napari_umis_fusion.files.ome_zarr._address import is_address, is_zarr
from napari_umis_fusion.runtime import read_json

ZarrKind = Literal["image", "plate", "images"]

_KINDS: dict[str, ZarrKind] = {"multiscales": "image", "plate": "plate"}
_DEPTH = 3
"""Groups in groups are searched this deep for images."""


def zarr_kind(folder: str | PathLike[str]) -> ZarrKind | None:
    """Return what a folder holds of OME-Zarr; None if it is no folder, or holds nothing of it.

    A folder of one image, as bioformats2raw writes it, is that image; one of several is
    "images". A folder that cannot be read holds nothing. Nothing is imported for it.
    """
    told = _told(folder)
    kind = next((kind for key, kind in _KINDS.items() if told.get(key)), None)
    if kind is None and is_zarr(Path(folder)):
        found = image_paths(folder)
        return None if not found else "image" if len(found) == 1 else "images"
    return kind


def image_paths(folder: str | PathLike[str]) -> tuple[str, ...]:
    """Return the paths of the images in a folder of OME-Zarr, relative to it.

    Returns
    -------
    tuple of str
        ``("",)`` for an image; of a plate its fields, such as ``B/03/0``; else those of the
        images in its groups, in natural order.
    """
    return tuple(_image_paths(Path(folder), _DEPTH))


def image_url(url: str) -> str:
    """Return the only image in a folder of OME-Zarr; what was given for all else."""
    if is_address(url) or zarr_kind(url) != "image":
        return url
    (path,) = image_paths(url)
    return f"{url}/{path}" if path else url


def announced_fields(folder: str | PathLike[str]) -> int:
    """Return how many fields a plate in a folder says that it has; 0 if it does not say."""
    plate: Any = _told(folder).get("plate")
    try:
        return len(plate["wells"]) * int(plate.get("field_count", 1))
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0


def full_resolution(folder: str | PathLike[str]) -> Path | None:
    """Return the folder of the array of full resolution of an image; None if it names none."""
    try:
        return Path(folder, _told(folder)["multiscales"][0]["datasets"][0]["path"])
    except (KeyError, IndexError, TypeError):
        return None


def _image_paths(folder: Path, depth: int) -> Iterator[str]:
    told = _told(folder)
    if told.get("multiscales"):
        yield ""
    elif "plate" in told:
        for well in _paths(told["plate"], "wells"):
            yield from (
                f"{well}/{one}" for one in _paths(_told(folder / well).get("well"), "images")
            )
    elif depth and _is_group(folder):
        for name in _groups(folder):
            below = _image_paths(folder / name, depth - 1)
            yield from (f"{name}/{one}".rstrip("/") for one in below)


def _groups(folder: Path) -> list[str]:
    """Return the names of the groups in a folder; none if it cannot be read."""
    from natsort import natsorted  # here: its import takes longer than what is read

    try:
        return natsorted(path.name for path in folder.iterdir() if is_zarr(path))
    except OSError:
        return []


def _paths(told: Any, key: str) -> list[str]:
    """Return the paths that a plate or a well lists; empty if it is not understood."""
    try:
        return [one["path"] for one in told[key]]
    except (KeyError, TypeError):
        return []


def _is_group(folder: Path) -> bool:
    """Whether a folder may hold groups; an array may hold any number of chunks."""
    if os.path.isfile(folder / ".zgroup"):
        return True
    try:
        return bool(read_json(folder / "zarr.json")["node_type"] == "group")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _told(folder: str | PathLike[str]) -> dict[str, Any]:
    """Return what a folder says in the words of OME; empty if it says nothing."""
    for name, version in (("zarr.json", 3), (".zattrs", 2)):
        try:
            content = read_json(Path(folder) / name)
            told: Any = content["attributes"]["ome"] if version == 3 else content
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if isinstance(told, dict):
            return told
    return {}
