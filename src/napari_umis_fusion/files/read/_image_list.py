"""A stack with one file for each plane."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._images import read_image, read_image_header
from napari_umis_fusion.files.read._listing import is_tiff
from napari_umis_fusion.files.read._tiff import TiffStack, open_tiff
from napari_umis_fusion.stack import Calibration, Plane, Stack, check_stack


@dataclass(frozen=True, slots=True)
class _PlaneHeader:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    rgb: bool
    calibration: Calibration

    def __str__(self) -> str:
        return f"{' × '.join(map(str, self.shape))} {self.dtype}"


class ImageListStack(Stack):
    """Stack of image files, one for each plane: TIFF, PNG, JPEG, BMP or WebP.

    All headers are read and compared when it is created, pixels on demand.

    Parameters
    ----------
    paths : list of pathlib.Path
        The planes in order.
    index : mapping of str to int
        The index to select of further axes in TIFF files.

    Raises
    ------
    StackFileError
        If a file is broken, holds several planes, or differs from the first in size or dtype.
    """

    def __init__(self, paths: list[Path], index: Mapping[str, int] | None = None) -> None:
        self._paths = paths
        self._index = dict(index or {})
        first = self._header(paths[0])
        # At once: an error in the last file should not end a long fusion.
        for path in paths:
            self._check_alike(path, self._header(path), first)
        self.shape = (len(paths), *first.shape)
        self.dtype = first.dtype
        self.rgb = first.rgb
        self.calibration = first.calibration
        self.sources = tuple(str(path.absolute()) for path in paths)
        check_stack(self.shape, self.dtype)

    def plane(self, z: int) -> Plane:
        """Read plane `z` from its file."""
        return self.region(z, slice(None), slice(None))

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`, and no more than that from uncompressed TIFF."""
        path = self._paths[z]
        if is_tiff(path):
            with self._open(path) as stack:
                return stack.region(0, rows, columns)
        plane = read_image(path)
        if plane.shape != self.shape[1:]:
            msg = (
                f"{path}: has shape {plane.shape} now and had {self.shape[1:]} when the stack was "
                "opened: the file was changed. Open the stack again."
            )
            raise StackFileError(msg)
        return plane[rows, columns]

    def _open(self, path: Path) -> TiffStack:
        return open_tiff(path, index=self._index, one_plane=True)

    def _header(self, path: Path) -> _PlaneHeader:
        if not is_tiff(path):
            header = read_image_header(path)
            return _PlaneHeader(header.shape, header.dtype, len(header.shape) == 3, Calibration())
        with self._open(path) as stack:
            if len(stack) > 1:
                msg = (
                    f"{path}: holds {len(stack)} planes; accepted in a list of files is one plane "
                    "per file. Open this file alone, or leave it out."
                )
                raise StackFileError(msg)
            return _PlaneHeader(stack.shape[1:], stack.dtype, stack.rgb, stack.calibration)

    def _check_alike(self, path: Path, header: _PlaneHeader, first: _PlaneHeader) -> None:
        if (header.shape, header.dtype) == (first.shape, first.dtype):
            return
        msg = (
            f"{path}: is {header} but the first file, {self._paths[0].name}, is {first}; all "
            "planes must have the same size and dtype. Crop or convert the file, or leave it out."
        )
        raise StackFileError(msg)
