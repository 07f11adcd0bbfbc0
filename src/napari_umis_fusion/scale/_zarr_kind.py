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
    for name, version in (("zarr.json", 3), (".zattrs", 2)):
        try:
            content = read_json(Path(folder) / name)
            told: Any = content["attributes"]["ome"] if version == 3 else content
            return next((kind for key, kind in _KINDS.items() if key in told), None)
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None
