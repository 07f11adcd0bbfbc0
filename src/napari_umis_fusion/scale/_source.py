"""What an OME-Zarr input holds: an image, or the fields of a plate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from napari_umis_fusion.errors import ConfigError, StackFileError
from napari_umis_fusion.runtime import reason_of
from napari_umis_fusion.scale._extra import needs_scale
from napari_umis_fusion.scale._field_source import FieldSource

OWN_KEY = "napari-umis-fusion"
"""Attribute of a group that tells what this package says of it."""

_DESCRIPTIONS = ("zarr.json", ".zgroup", ".zarray")

VERSIONS = ("0.4", "0.5")
"""Versions of OME-Zarr that are read."""


@dataclass(frozen=True, slots=True)
class ZarrSource:
    """An input.

    Attributes
    ----------
    url : str
        Path or address.
    fields : tuple of FieldSource
        One for an image; those of all chosen wells for a plate.
    plate : dict or None
        What the plate says of itself, with the chosen wells only, as JSON values.
    """

    url: str
    fields: tuple[FieldSource, ...]
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
    with needs_scale():
        import yaozarrs
    text = absolute_url(fspath(url))
    _check_folder(text)
    try:
        group = yaozarrs.open_group(text)
        told = group.ome_metadata()
    except Exception as error:
        raise StackFileError(
            f"{text}: cannot be opened as OME-Zarr ({reason_of(error)}); accepted are images and "
            f"plates of version {' and '.join(VERSIONS)}, in folders or at addresses."
        ) from error
    content = plain(told)
    patterns = _patterns(wells)
    if "plate" in content:
        return _open_plate(text, group, content["plate"], patterns)
    if patterns:
        raise ConfigError(f"wells={wells!r}, but {text} is no plate; leave the wells out.")
    if "multiscales" not in content:
        raise StackFileError(
            f"{text}: holds {', '.join(content) or 'nothing'} of OME-Zarr; accepted are an image "
            "or a plate. Name one of the images in it."
        )
    try:
        return ZarrSource(text, (_open_image("", group, content),))
    except StackFileError:
        raise
    except Exception as error:
        raise StackFileError(
            f"{text}: its array cannot be read ({reason_of(error)}). Repair it, or choose another "
            "image."
        ) from error


def _check_folder(url: str) -> None:
    """Refuse a folder without any description of Zarr; addresses are not looked at."""
    path = Path(url)
    if "://" in url or any((path / name).is_file() for name in _DESCRIPTIONS):
        return
    if not path.exists():
        raise StackFileError(f"{url}: no such folder. Check the path.")
    raise StackFileError(
        f"{url}: is no OME-Zarr, since it holds none of {', '.join(_DESCRIPTIONS)}; accepted are "
        "images and plates. Other files and folders are fused by umis-fusion fuse."
    )


def absolute_url(text: str) -> str:
    """Return an absolute path; an address as it is."""
    return text if "://" in text else str(Path(text).expanduser().absolute())


def plain(model: Any) -> dict[str, Any]:
    """Return metadata as JSON values."""
    if model is None:
        return {}
    found: dict[str, Any] = model.model_dump(mode="json", exclude_none=True, by_alias=True)
    return found


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


def _fields_of(url: str, group: Any, well: str) -> Iterator[FieldSource]:
    """Open the fields of a well."""
    path = well
    try:
        for image in plain(group[well].ome_metadata())["well"]["images"]:
            path = f"{well}/{image['path']}"
            yield _open_image(path, group[path], plain(group[path].ome_metadata()))
    except StackFileError:
        raise
    except Exception as error:
        raise StackFileError(
            f"{url}: {path} cannot be read ({reason_of(error)}). Repair it, or leave the well out "
            "by naming the others."
        ) from error


def _open_image(name: str, group: Any, content: dict[str, Any]) -> FieldSource:
    """Return the image of a group, at full resolution."""
    multiscale = content["multiscales"][0]
    dataset = multiscale["datasets"][0]
    array = group[dataset["path"]]
    scale, translation = placement_of(multiscale, dataset)
    channels = (content.get("omero") or {}).get("channels", ())
    read, address = array.to_zarr_python(), address_of(array)
    return FieldSource(
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
    return address.removeprefix("file://") if address.startswith("file://") else address


def _stamp(address: str) -> int:
    """Return when the description of a local array was last written, in ns; 0 for addresses."""
    found = (
        [Path(address) / name for name in ("zarr.json", ".zarray")] if "://" not in address else []
    )
    return max((path.stat().st_mtime_ns for path in found if path.is_file()), default=0)
