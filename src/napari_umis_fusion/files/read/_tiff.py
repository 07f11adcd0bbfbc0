"""TIFF files as stacks: plain pages, ImageJ hyperstacks, OME-TIFF, BigTIFF."""

import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from tifffile import TiffFile, TiffPageSeries

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._axis_roles import AxisRoles, choose_axes
from napari_umis_fusion.files.read._naming_errors import naming_read_errors
from napari_umis_fusion.files.read._physical_size import tiff_calibration
from napari_umis_fusion.files.read._tiff_frames import Frames, open_frames
from napari_umis_fusion.files.read._tiff_layout import Layout, holds_colour, layout_of, read_part
from napari_umis_fusion.stack import Plane, Stack, check_stack, kind_of

_DESCRIPTION = 270


class TiffStack(Stack):
    """A stack in a TIFF file, read plane by plane.

    Values are those stored: colour maps (ImageJ's look-up tables) are not applied and
    inverted greys (MinIsWhite) stay inverted. It can be used from several threads, and as a
    context manager.
    """

    def __init__(self, path: Path, layout: Layout, roles: AxisRoles, frames: Frames) -> None:
        sizes = layout.sizes
        self._path, self._layout, self._roles, self._frames = path, layout, roles, frames
        self.sources = (str(path.absolute()),)
        channels = () if roles.channel is None else (sizes[roles.channel],)
        planes = 1 if roles.z is None else sizes[roles.z]
        self.shape = (planes, sizes["Y"], sizes["X"], *channels)
        # At once: a truncated file should fail here, not at its last plane.
        frames.check(self._frame_numbers())

    def plane(self, z: int) -> Plane:
        """Read plane `z`."""
        return self.region(z, slice(None), slice(None))

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`, and no more than that from uncompressed files."""
        if not 0 <= z < len(self):
            msg = f"plane {z} is outside 0 to {len(self) - 1}"
            raise IndexError(msg)
        with naming_read_errors(self._path):
            parts = [self._part(picks, rows, columns) for picks in self._picks(z)]
        plane = parts[0] if len(parts) == 1 else np.stack(parts, axis=-1)
        return np.ascontiguousarray(plane, dtype=self.dtype)

    def _part(self, picks: dict[str, int], rows: slice, columns: slice) -> Plane:
        channel = self._roles.channel
        return read_part(self._layout, self._frames, picks, rows, columns, channel)

    def _picks(self, z: int) -> list[dict[str, int]]:
        """Return the index along each axis, for every frame that plane `z` consists of."""
        picks = dict(self._roles.fixed)
        if self._roles.z is not None:
            picks[self._roles.z] = z
        channel = self._roles.channel
        if channel is None or channel not in self._layout.over_frames:
            return [picks]
        return [{**picks, channel: number} for number in range(self._layout.sizes[channel])]

    def _frame_numbers(self) -> list[int]:
        picks = (pick for z in range(len(self)) for pick in self._picks(z))
        return sorted({self._layout.frame_number(pick) for pick in picks})

    def close(self) -> None:
        """Close the file; the next read reopens it."""
        self._frames.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_tiff(
    path: Path,
    *,
    z_axis: str | None = None,
    index: Mapping[str, int] | None = None,
    one_plane: bool = False,
) -> TiffStack:
    """Open a TIFF file as a stack.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    z_axis : str, optional
        Axis to use as z.
    index : mapping of str to int, optional
        The index to select of an axis; ``"series"`` selects the series (default 0).
    one_plane : bool
        The file is one plane among many: channels without a z axis are not ambiguous, and a
        file of a single page is one plane, even if its OME header lists other files.

    Raises
    ------
    StackFileError
        If the file is broken or truncated, or its axes are ambiguous.
    """
    number, wanted = _split_index(index)
    with naming_read_errors(path):
        tif = open_tiff_file(path, one_plane=one_plane)
        try:
            return _stack_of(tif, path, number, z_axis, wanted, one_plane)
        except BaseException:  # cancellation too must not leave the file open
            tif.close()
            raise


def open_tiff_file(path: Path, *, one_plane: bool = False) -> TiffFile:
    """Open a file with tifffile; refuse it if the chain of its pages is truncated."""
    tif = TiffFile(path)
    try:
        # Also makes tifffile follow the chain of pages, which is checked next.
        pages = len(tif.pages)
        _check_chain(tif)
        _check_description(tif)
    except BaseException:
        tif.close()
        raise
    if one_plane and pages == 1 and tif.is_ome and len(tif.series[0]) > 1:
        tif.close()
        # Without its OME header, the file is only its own page.
        return TiffFile(path, is_ome=False)
    return tif


def pick_series(tif: TiffFile, number: int | None) -> TiffPageSeries:
    """Return series `number` of a file; by default the first, unless it omits plain pages."""
    if not tif.series:
        msg = "holds no image; accepted are TIFF files with at least one page."
        raise StackFileError(msg)
    if number is None:
        _check_alike(tif)
    if not 0 <= (number or 0) < len(tif.series):
        msg = f"index series={number} is outside 0 to {len(tif.series) - 1}."
        raise StackFileError(msg)
    series = tif.series[number or 0]
    if tif.is_imagej and series.kind in ("generic", "uniform"):
        msg = (
            "its ImageJ header announces more planes than the file holds: it is truncated. Copy it "
            "again."
        )
        raise StackFileError(msg)
    return series


def is_colour(series: TiffPageSeries, roles: AxisRoles) -> bool:
    """Whether the last axis of the stack holds red, green, blue and optionally opacity."""
    return roles.channel == "S" and holds_colour(series)


def _stack_of(
    tif: TiffFile,
    path: Path,
    number: int | None,
    z_axis: str | None,
    index: dict[str, int],
    one_plane: bool,
) -> TiffStack:
    series = pick_series(tif, number)
    if z_axis is None and not one_plane:
        check_axes_known(tif, series)
    layout = layout_of(series)
    roles = choose_axes(layout.sizes, z_axis=z_axis, index=index, one_plane=one_plane)
    calibration = tiff_calibration(tif, number or 0)
    if roles.z is not None and kind_of(roles.z) not in ("z", "unnamed"):
        # The z step says nothing about distances along time or another axis.
        calibration = replace(calibration, z_step_um=None)
    stack = TiffStack(path, layout, roles, open_frames(tif, series, layout.frame_shape()))
    stack.dtype = np.dtype(series.dtype).newbyteorder("=")
    stack.calibration = calibration
    stack.rgb = is_colour(series, roles)
    check_stack(stack.shape, stack.dtype)
    return stack


def _split_index(index: Mapping[str, int] | None) -> tuple[int | None, dict[str, int]]:
    axes = dict(index or {})
    return axes.pop("series", None), axes


def _check_chain(tif: TiffFile) -> None:
    """Refuse a last page that refers to a next one: tifffile only logs a truncated chain."""
    place = tif.pages.next_page_offset
    if place is None:
        return
    tif.filehandle.seek(place)
    following = tif.filehandle.read(tif.tiff.offsetsize)
    if following != bytes(tif.tiff.offsetsize):
        msg = f"its pages end after {len(tif.pages)}: the file is truncated. Copy it again."
        raise StackFileError(msg)


def _check_description(tif: TiffFile) -> None:
    """Refuse a description beyond the end of the file: tifffile only logs it."""
    if _DESCRIPTION in _first_tags(tif) and _DESCRIPTION not in tif.pages.first.tags:
        msg = "its description cannot be read: the file is truncated. Copy it again."
        raise StackFileError(msg)


def _first_tags(tif: TiffFile) -> tuple[int, ...]:
    """Return the codes of all tags of the first page, readable or not."""
    layout, file = tif.tiff, tif.filehandle
    file.seek(tif.pages.first.offset)
    (count,) = struct.unpack(layout.tagnoformat, file.read(layout.tagnosize))
    entry = f"H{layout.tagsize - 2}x"
    return struct.unpack(f"{layout.byteorder}{entry * count}", file.read(layout.tagsize * count))


def check_axes_known(tif: TiffFile, series: TiffPageSeries) -> None:
    """Refuse OME pages whose axes are unknown: they may be channels or time points."""
    if tif.is_ome and series.kind in ("generic", "uniform"):
        msg = (
            "its OME header is broken, or the description is in another file. Open that file, "
            'or use the pages of this one in order: z_axis="I" (--z-axis I).'
        )
        raise StackFileError(msg)


def _check_alike(tif: TiffFile) -> None:
    """Refuse plain pages of several sizes: they are separate series, and the first would do."""
    if len(tif.series) > 1 and tif.series[0].kind == "generic":
        sizes = "; ".join(f"series {s.index}: {s.axes} {s.shape} {s.dtype}" for s in tif.series)
        msg = (
            f"its pages differ in size or dtype ({sizes}). Select one series: "
            'index={"series": 0} (--index series=0).'
        )
        raise StackFileError(msg)
