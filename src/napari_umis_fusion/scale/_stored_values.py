"""Whether the values of an input are still those that were fused, by the state of their files."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import Any

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.ome_zarr import needs_scale
from napari_umis_fusion.scale._markers import Markers, created_marker, read_marker, write_marker
from napari_umis_fusion.scale._run_plan import RunPlan

_TELLING = ("ETag", "etag", "md5Hash", "generation", "mtime", "LastModified", "last_modified")
_TELLING_TOO = ("updated", "created")
_SHOWN = 5


def stored_values(address: str) -> str:
    """Return a hash of what file systems tell of all files of an array; none is read.

    Parameters
    ----------
    address : str
        Path or address of the array.

    Returns
    -------
    str
        Of names, sizes, and times of the last change or hashes of their store; empty where
        files cannot be listed, as over http.
    """
    if "://" not in address:
        told: Iterable[str] = _local_files(address)
    elif address.startswith(("http://", "https://")):
        return ""
    else:
        told = _remote_files(address)
    return hashlib.sha256("\n".join(sorted(told)).encode("utf-8", "surrogateescape")).hexdigest()


def _local_files(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from (f"{entry.name}/{one}" for one in _local_files(entry.path))
            else:
                status = entry.stat()
                yield f"{entry.name} {status.st_size} {status.st_mtime_ns}"


def _remote_files(address: str) -> list[str]:
    with needs_scale():
        from fsspec.core import url_to_fs
    files, path = url_to_fs(address)
    found: dict[str, dict[str, Any]] = files.find(path, detail=True)
    names = (*_TELLING, *_TELLING_TOO)
    return [
        " ".join([name, *(str(about.get(key, "")) for key in ("size", *names))])
        for name, about in found.items()
    ]


def check_values(plan: RunPlan, numbers: Iterable[int]) -> None:
    """Refuse fields of which values have changed since their fusion began.

    Parameters
    ----------
    plan : RunPlan
        The run.
    numbers : iterable of int
        Fields; those of which nothing is fused yet are passed over.

    Raises
    ------
    StackFileError
        It names the fields, and what to do.
    """
    changed = [number for number in sorted(numbers) if _has_changed(plan, number)]
    if not changed:
        return
    names = [plan.source.fields[number].name or "the input" for number in changed]
    folder = created_marker(plan, changed[0]).parent
    more = " ..." if len(names) > _SHOWN else ""
    raise StackFileError(
        f"{plan.output}: values of {', '.join(names[:_SHOWN])}{more} have changed since they were "
        f"fused, or while they were. Choose another output, or remove {folder}"
        f"{', and those of the others,' if len(names) > 1 else ''} to fuse it again."
    )


def _has_changed(plan: RunPlan, number: int) -> bool:
    marker = created_marker(plan, number)
    content = read_marker(marker) if marker.is_file() else {}
    known = content.get("values", "")
    now = known and stored_values(plan.source.fields[number].array)
    if now == known:
        return False
    cells = [cell for cell in plan.cells if cell.field == number]
    if any(Markers(plan, cell).holds_work for cell in cells):
        return True
    write_marker(marker, {**content, "values": now})  # such as a broken chunk that was replaced
    return False
