"""What a folder holds of OME-Zarr, by its description alone."""

from os import PathLike
from pathlib import Path
from typing import Any, Literal

from napari_umis_fusion.runtime import read_json

ZarrKind = Literal["image", "plate"]

_KINDS: dict[str, ZarrKind] = {"multiscales": "image", "plate": "plate"}


def zarr_kind(folder: str | PathLike[str]) -> ZarrKind | None:
    """Return what a folder holds of OME-Zarr; None if it is no folder, or holds neither.

    A folder that cannot be read holds neither. Nothing is imported for it.
    """
    told = _told(folder)
    return next((kind for key, kind in _KINDS.items() if key in told), None)


def announced_fields(folder: str | PathLike[str]) -> int:
    """Return how many fields a plate in a folder says that it has; 0 if it does not say."""
    plate: Any = _told(folder).get("plate")
    try:
        return len(plate["wells"]) * int(plate.get("field_count", 1))
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0


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
