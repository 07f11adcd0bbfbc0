"""TIFF files as stacks: plain pages, hyperstacks, OME-TIFF and files of microscope programs."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
from tifffile import TiffFile

from napari_umis_fusion.files.read._axis_roles import AxisRoles, choose_axes
from napari_umis_fusion.files.read._missing_frames import complete_planes
from napari_umis_fusion.files.read._naming_errors import naming_read_errors
from napari_umis_fusion.files.read._physical_size import tiff_sizes
from napari_umis_fusion.files.read._series_header import SeriesHeader, read_series_header
from napari_umis_fusion.files.read._shown_frames import OpenSeries, open_series
from napari_umis_fusion.files.read._tiff_file import PAGES, open_tiff_file
from napari_umis_fusion.files.read._tiff_layout import read_part
from napari_umis_fusion.files.read._tiff_series import pick_series, unnamed_pages
from napari_umis_fusion.stack import (
    Calibration,
    Plane,
    Stack,
    check_stack,
    kind_of,
    spacing_of,
    thin_planes_note,
)


class TiffStack(Stack):
    """A stack in a TIFF file, read plane by plane.

    Values are those shown: palettes become RGB, inverted greys (MinIsWhite) and the orientation
    are set right. ImageJ's look-up tables, which only show greys, are not applied. It can be
    used from several threads, and as a context manager.

    Attributes
    ----------
    z_um : float or None
        Position of a single plane, in µm.
    """

    def __init__(self, path: Path, series: OpenSeries, roles: AxisRoles) -> None:
        sizes, layout = series.layout.sizes, series.layout
        self._path, self._layout, self._roles, self._frames = path, layout, roles, series.frames
        self.sources = (str(path.absolute()), *other_files(path, series.files))
        self.z_um: float | None = None
        self.dtype = series.pixels.dtype
        self.rgb = roles.channel == "S" and series.colour
        channels = () if roles.channel is None else (sizes[roles.channel],)
        planes = 1 if roles.z is None else sizes[roles.z]
        wanted = [[layout.frame_number(pick) for pick in self._picks(z)] for z in range(planes)]
        self.planes, self.source_notes = complete_planes(wanted, series.frames.missing, roles)
        self.shape = (len(self.planes), sizes["Y"], sizes["X"], *channels)
        # At once: a truncated file should fail here, not at its last plane.
        series.frames.check(sorted({number for z in self.planes for number in wanted[z]}))
        check_stack(self.shape, self.dtype, has_named_channels=roles.channel is not None)

    def plane(self, z: int) -> Plane:
        """Read plane `z`."""
        return self.region(z, slice(None), slice(None))

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`, and no more than that from uncompressed files."""
        if not 0 <= z < len(self):
            msg = f"plane {z} is outside 0 to {len(self) - 1}"
            raise IndexError(msg)
        with naming_read_errors(self._path):
            picks = self._picks(self.planes[z])
            parts = [self._part(pick, rows, columns) for pick in picks]
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

    def close(self) -> None:
        """Close the file; the next read reopens it."""
        self._frames.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def other_files(path: Path, files: Sequence[str]) -> list[str]:
    """Return the files of a set besides the one that was opened."""
    return [one for one in files if os.path.realpath(one) != os.path.realpath(path)]


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
        The file, or the companion file of a set.
    z_axis : str, optional
        Axis to use as z.
    index : mapping of str to int, optional
        The index to select of an axis; ``"series"`` selects the series, by default the only one
        with z.
    one_plane : bool
        The file is one plane among many: channels without a z axis are not ambiguous, and a
        file of a single page is one plane, even if its OME header lists other files.

    Raises
    ------
    StackFileError
        If the file is broken or truncated, or its axes are ambiguous.
    """
    number, wanted = split_index(index)
    with naming_read_errors(path):
        by_pages = z_axis is not None and z_axis.upper() == PAGES
        tif = open_tiff_file(path, one_plane=one_plane, by_pages=by_pages)
        try:
            return _stack_of(tif, path, number, z_axis, wanted, one_plane)
        except BaseException:  # cancellation too must not leave the file open
            tif.close()
            raise


def split_index(index: Mapping[str, int] | None) -> tuple[int | None, dict[str, int]]:
    """Return the number of the series, and the index of each axis."""
    axes = dict(index or {})
    return axes.pop("series", None), axes


def _stack_of(
    tif: TiffFile,
    path: Path,
    number: int | None,
    z_axis: str | None,
    index: dict[str, int],
    one_plane: bool,
) -> TiffStack:
    picked, unnamed = pick_series(tif, number, one_plane=one_plane), unnamed_pages(tif)
    header, told = read_series_header(tif, picked.number), tiff_sizes(tif, picked.number)
    opened = open_series(tif, picked.series)
    sizes = opened.layout.sizes
    roles = choose_axes(
        sizes, z_axis=z_axis, index=index, one_plane=one_plane, is_colour=opened.colour
    )
    told = told.judged(1 if roles.z is None else sizes[roles.z])
    stack = TiffStack(path, opened, roles)
    stack.z_um = told.position_of(path.name) if one_plane else None
    calibration, notes = opened.pixels.upright_sizes(told.sizes), told.notes
    if roles.z is not None and kind_of(roles.z) not in ("z", "unnamed"):
        # The z step says nothing about distances along time or another axis.
        calibration, notes = replace(calibration, z_step_um=None, z_positions_um=None), ()
    _name_channels(stack, roles, header)
    stack.calibration = _of_planes(calibration, stack.planes)
    stack.is_mosaic = opened.pixels.is_mosaic and roles.channel is None
    is_named = roles.z is None or kind_of(roles.z) != "unnamed"
    thin = () if is_named else thin_planes_note(stack.shape)
    told_too = () if one_plane else (*notes, *unnamed, *thin)
    notes = (*told_too, *opened.pixels.notes)
    stack.source_notes = (*picked.notes, *stack.source_notes, *notes)
    return stack


def _name_channels(stack: TiffStack, roles: AxisRoles, header: SeriesHeader) -> None:
    """Tell the stack the names and colours of its channels, or of the one that was selected."""
    names, colours, optics = header.channel_names, header.colours, header.optics
    if roles.channel == "C":
        count = stack.shape[3]
        stack.channel_names = names if len(names) == count else ()
        stack.channel_colours = colours if len(colours) == count else ()
        stack.optics = optics
        return
    chosen = roles.fixed.get("C", 0)
    stack.optics = optics[chosen : chosen + 1]
    if roles.channel is None:
        stack.channel_names = names[chosen : chosen + 1]
        stack.channel_colours = colours[chosen : chosen + 1]


def _of_planes(sizes: Calibration, planes: Sequence[int]) -> Calibration:
    """Return the sizes of the planes that are there: where some are missing, steps are uneven."""
    if list(planes) == list(range(len(planes))) and sizes.z_positions_um is None:
        return sizes
    places = sizes.z_positions_um
    if places is None and sizes.z_step_um is None:
        return sizes
    known = [places[z] if places is not None else z * (sizes.z_step_um or 0) for z in planes]
    found = spacing_of(known)
    return replace(sizes, z_step_um=found.step_um, z_positions_um=found.positions_um)
