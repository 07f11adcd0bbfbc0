"""What both parts of the Fractal task share: where results go, and what is passed on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from napari_umis_fusion.errors import ConfigError
from napari_umis_fusion.files.ome_zarr import needs_scale
from napari_umis_fusion.runtime import needs_extra


class InitArgs(BaseModel):
    """What the first part tells the second of an image.

    Attributes
    ----------
    origin_url
        Path of the image that is fused.
    plate
        Name of the plate of the result; None for an image alone.
    """

    origin_url: str
    plate: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the result of an image goes.

    Attributes
    ----------
    url : Path
        The result.
    plate : Path or None
        The plate of the result.
    name : str
        Path of the image in its plate, such as ``B/03/0``.
    told : dict
        What the plate of the input says of itself.
    """

    url: Path
    plate: Path | None = None
    name: str = ""
    told: dict[str, Any] | None = None


def destination_of(zarr_url: str, suffix: str, known: dict[Path, Any]) -> Destination:
    """Return where the result of an image goes: into a new plate, or beside it.

    Parameters
    ----------
    zarr_url : str
        Path of the image.
    suffix : str
        End of the name of the plate or image of the result.
    known : dict
        What folders that were looked at hold, which is added to.
    """
    if not suffix or Path(suffix).name != suffix:
        raise ConfigError(f"suffix={suffix!r}; accepted is a part of a file name, such as fused.")
    path = Path(zarr_url)
    above = path.parents[2] if len(path.parents) > 2 else path
    if above not in known:
        known[above] = _plate_in(above)
    if known[above] is None:
        return Destination(_renamed(path, suffix))
    plate = _renamed(above, suffix)
    name = path.relative_to(above).as_posix()
    return Destination(plate / name, plate, name, known[above])


def _renamed(path: Path, suffix: str) -> Path:
    stem, dot, ending = path.name.partition(".")
    return path.with_name(f"{stem}_{suffix}{dot}{ending}")


def _plate_in(folder: Path) -> dict[str, Any] | None:
    """Return what a plate says of itself; None if a folder is none."""
    with needs_scale():
        import yaozarrs
    try:
        found = yaozarrs.open_group(str(folder)).ome_metadata()
        told = found.model_dump(mode="json", exclude_none=True, by_alias=True) if found else {}
    except Exception:  # no group, or none of OME-Zarr: whatever lies above an image
        return None
    plate: dict[str, Any] | None = told.get("plate")
    return plate


def run_as_task(function: Callable[..., Any]) -> None:
    """Run a function as Fractal does: arguments and what it returns are in files of JSON."""
    purpose = "tasks of Fractal are run by fractal-task-tools"
    with needs_extra("fractal", ("fractal_task_tools",), purpose, ConfigError):
        from fractal_task_tools.task_wrapper import run_fractal_task
    run_fractal_task(task_function=function)
