"""What file systems tell of the values of an array, by which a change is noticed."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import Any

from napari_umis_fusion.files.ome_zarr._address import is_address
from napari_umis_fusion.files.ome_zarr._extra import needs_scale

_TELLING = ("ETag", "etag", "md5Hash", "generation", "mtime", "LastModified", "last_modified")
_TELLING_TOO = ("updated", "created")


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
    if not is_address(address):
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
