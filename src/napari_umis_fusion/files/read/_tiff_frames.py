"""Frames of a TIFF series, read one at a time: memory-mapped if possible, else decoded."""

import os
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, Protocol

import numpy as np
from tifffile import FileHandle, TiffFile, TiffFrame, TiffPage, TiffPageSeries

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._claims import check_page
from napari_umis_fusion.files.read._file_state import FileState
from napari_umis_fusion.stack import Plane

Index = tuple[int | slice, ...]


class Frames(Protocol):
    """Frames of one shape, by number.

    Attributes
    ----------
    missing : frozenset of int
        Frames that the header announces but no file holds.
    """

    missing: frozenset[int]

    def read(self, number: int, index: Index) -> Plane:
        """Read a part of frame `number`, selected by `index`."""

    def check(self, numbers: Iterable[int]) -> None:
        """Raise if one of these frames is missing or exceeds the end of the file."""

    def close(self) -> None:
        """Close open files; the next read reopens them."""


def open_frames(tif: TiffFile, series: TiffPageSeries, shape: tuple[int, ...]) -> Frames:
    """Choose how frames are read.

    Parameters
    ----------
    tif : tifffile.TiffFile
        The open file, which the frames close from now on.
    series : tifffile.TiffPageSeries
        Series of `tif`.
    shape : tuple of int
        Shape of one frame.
    """
    # Pages that are "final" are stored as the array is, except for the byte order.
    if series.dataoffset is None and not all(page is not None and page.is_final for page in series):
        return _DecodedFrames(tif, series, shape)
    with tif:
        return _MappedFrames(tif, series, shape)


class _MappedFrames:
    """Uncompressed frames. Each read opens the file anew, so that no handle stays open."""

    def __init__(self, tif: TiffFile, series: TiffPageSeries, shape: tuple[int, ...]) -> None:
        self.missing: frozenset[int] = frozenset()
        self._shape = shape
        self._dtype = np.dtype(series.dtype).newbyteorder(tif.byteorder)
        self._nbytes = int(np.prod(shape, dtype=np.int64)) * self._dtype.itemsize
        self._path, self._first = tif.filehandle.path, series.dataoffset
        self._places = [] if self._first is not None else [_place(page) for page in series if page]
        self._states = _states(tif, {self._path, *(path for path, _ in self._places)})

    def read(self, number: int, index: Index) -> Plane:
        path, start = self._place(number)
        with open(path, "rb") as file:
            self._states[path].check(FileState.of(file.fileno()))
            if all(part == slice(None) for part in index):  # half the time of a mapping
                whole = np.fromfile(file, self._dtype, prod(self._shape), offset=start)
                return whole.reshape(self._shape)
            frame = np.memmap(file, self._dtype, mode="r", offset=start, shape=self._shape)
            return np.array(frame[index])  # a copy: the mapping, and its handle, end here

    def check(self, numbers: Iterable[int]) -> None:
        sizes: dict[str, int] = {}
        for number in numbers:
            path, start = self._place(number)
            sizes[path] = sizes.get(path) or os.path.getsize(path)
            if start + self._nbytes > sizes[path]:
                raise StackFileError(_truncated(number, sizes[path], start + self._nbytes))

    def _place(self, number: int) -> tuple[str, int]:
        if self._first is None:
            return self._places[number]
        # Not listed: a header may announce any number of frames that follow each other.
        return self._path, self._first + number * self._nbytes

    def close(self) -> None:
        pass


class _DecodedFrames:
    """Compressed frames, decoded as a whole. The file stays open; one thread reads at a time."""

    def __init__(self, tif: TiffFile, series: TiffPageSeries, shape: tuple[int, ...]) -> None:
        self.missing = frozenset(number for number, page in enumerate(series) if page is None)
        self._tif = tif
        self._series = series
        self._shape = shape
        pages = (page for page in series if page is not None)
        self._states = _states(tif, {page.parent.filehandle.path for page in pages})
        self._lock = threading.Lock()  # the file handle has one position for all threads
        # Closes the file when the frames are no longer used, even without `close`.
        weakref.finalize(self, tif.close)

    def read(self, number: int, index: Index) -> Plane:
        page = self._page(number)
        handle = page.parent.filehandle
        with self._lock, _opened(handle):
            self._states[handle.path].check(FileState.of(handle.fileno()))
            frame = page.asarray()
        return frame.reshape(self._shape)[index]

    def check(self, numbers: Iterable[int]) -> None:
        sizes: dict[str, int] = {}
        for number in numbers:
            page = self._page(number)
            path = page.parent.filehandle.path
            size = sizes.setdefault(path, os.path.getsize(path))
            end = max(map(sum, zip(page.dataoffsets, page.databytecounts, strict=False)), default=0)
            if not 0 < end <= size:
                raise StackFileError(_truncated(number, size, end))
            check_page(page)

    def _page(self, number: int) -> TiffPage | TiffFrame:
        page = self._series[number]
        if page is None:
            msg = (
                f"frame {number} is missing: it was not recorded, or its file is absent. Copy all "
                "files of the set into one folder, or select a part with index (--index)."
            )
            raise StackFileError(msg)
        return page

    def close(self) -> None:
        self._tif.close()


def _states(tif: TiffFile, paths: Iterable[str]) -> dict[str, FileState]:
    """Return the state of each file of a set: of the open one as it was opened."""
    own = tif.filehandle
    return {path: FileState.of(own.fileno() if path == own.path else path) for path in paths}


def _place(page: TiffPage | TiffFrame) -> tuple[str, int]:
    return page.parent.filehandle.path, page.dataoffsets[0]


@contextmanager
def _opened(handle: FileHandle) -> Iterator[None]:
    """Open a handle if it is closed: other files of a set are, and ours is after `close`."""
    if not handle.closed:
        yield
        return
    handle.open()
    try:
        yield
    finally:
        handle.close()


def _truncated(number: int, size: int, end: Any) -> str:
    return (
        f"frame {number} would end at byte {end}, but the file ends at {size}: it is truncated. "
        "Copy it again."
    )
