"""Which series of a TIFF file is the stack."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tifffile import TiffFile, TiffPageSeries

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._pixel_format import holds_colour
from napari_umis_fusion.files.read._tiff_layout import series_sizes
from napari_umis_fusion.stack import kind_of

_SHOWN = 6
_COUNTING = ("ome", "imagej")
"""Kinds of series whose header counts the pages."""


@dataclass(frozen=True, slots=True)
class PickedSeries:
    """A series of a file.

    Attributes
    ----------
    series : tifffile.TiffPageSeries
        The series.
    number : int
        Its index in the file.
    notes : tuple of str
        Why it was taken, if there are others.
    """

    series: TiffPageSeries
    number: int
    notes: tuple[str, ...] = ()


def pick_series(
    tif: TiffFile, number: int | None = None, *, one_plane: bool = False
) -> PickedSeries:
    """Return a series of a file.

    Parameters
    ----------
    tif : tifffile.TiffFile
        The open file.
    number : int, optional
        Index of the series; by default the only one with z, beside which overviews and thumbnails
        are left out.
    one_plane : bool
        The file is one plane among many: the first series is taken.

    Raises
    ------
    StackFileError
        If the file holds no image, the index is outside, or several series may be the stack.
    """
    series = series_of(tif)
    if not series:
        msg = "holds no image; accepted are TIFF files with at least one page."
        raise StackFileError(msg)
    if number is None:
        picked = PickedSeries(series[0], 0) if one_plane else _only_stack(series)
    elif 0 <= number < len(series):
        picked = PickedSeries(series[number], number)
    else:
        msg = f"index series={number} is outside 0 to {len(series) - 1}."
        raise StackFileError(msg)
    if tif.is_imagej and picked.series.kind in ("generic", "uniform"):
        msg = (
            "its ImageJ header announces more planes than the file holds: it is truncated. Copy it "
            "again."
        )
        raise StackFileError(msg)
    return picked


def series_of(tif: TiffFile) -> list[TiffPageSeries]:
    """Return the series of a file; pages that are only stored otherwise make one series.

    tifffile takes pages apart that are compressed, cut or inverted otherwise. Planes of one stack
    may be, where programs append to files of others.

    Parameters
    ----------
    tif : tifffile.TiffFile
        The open file.
    """
    found: dict[Any, list[TiffPageSeries]] = {}
    for number, one in enumerate(tif.series):
        page = one.keyframe
        is_part = page.is_reduced or page.is_subifd or len(one.levels) > 1
        is_plain = one.kind == "generic" and not is_part
        told = (page.shape, page.axes, one.dtype, holds_colour(one)) if is_plain else number
        found.setdefault(told, []).append(one)
    return [some[0] if len(some) == 1 else _joined(some) for some in found.values()]


def _joined(some: Sequence[TiffPageSeries]) -> TiffPageSeries:
    every: list[Any] = [page for one in some for page in one]
    pages = sorted(every, key=lambda page: page.index)
    first = pages[0]
    axes, shape = f"I{first.axes}", (len(pages), *first.shape)
    return TiffPageSeries(pages, shape, first.dtype, axes, kind="generic")


def _only_stack(series: Sequence[TiffPageSeries]) -> PickedSeries:
    if len(series) == 1:
        return PickedSeries(series[0], 0)
    stacks = [number for number, one in enumerate(series) if has_z(one)]
    if len(stacks) != 1:
        raise StackFileError(_several(series, stacks))
    (number,) = stacks
    others = [one for place, one in enumerate(series) if place != number]
    # Where the others are as large, they may be planes that belong to it.
    if any(
        _area(one) >= _area(series[number]) and not _differs(one, series[number]) for one in others
    ):
        raise StackFileError(_several(series, stacks))
    note = (
        f"series {number} is used, the only one of {len(series)} with z; left out: "
        f"{_listed([place for place in range(len(series)) if place != number], series)}"
    )
    return PickedSeries(series[number], number, (note,))


def unnamed_pages(tif: TiffFile) -> tuple[str, ...]:
    """Return a note on pages that no series holds, since the header of OME or ImageJ names fewer.

    Parameters
    ----------
    tif : tifffile.TiffFile
        The open file.
    """
    if any(one.kind not in _COUNTING for one in tif.series):
        return ()
    named = sum(math.prod(one.shape) // math.prod(one.keyframe.shape) for one in tif.series)
    pages = len(tif.pages)
    if pages <= named:
        return ()
    msg = (
        f"{pages - named} of {pages} pages are left out, since the header of the file does not "
        "name them; save it anew in Fiji if they are planes"
    )
    return (msg,)


def has_z(series: TiffPageSeries) -> bool:
    """Whether a series has planes along z, or pages about which the file says nothing."""
    sizes = series_sizes(series)
    return any(size > 1 and kind_of(axis) in ("z", "unnamed") for axis, size in sizes.items())


def _area(series: TiffPageSeries) -> int:
    sizes = series_sizes(series)
    return sizes.get("Y", 1) * sizes.get("X", 1)


def _differs(one: TiffPageSeries, other: TiffPageSeries) -> bool:
    """Whether pages of one series cannot be planes of the other, such as a colour overview."""
    return (one.dtype, one.keyframe.shape) != (other.dtype, other.keyframe.shape)


def _several(series: Sequence[TiffPageSeries], stacks: Sequence[int]) -> str:
    shown = stacks or range(len(series))
    what = f"{len(stacks)} of them with z" if stacks else "none of them with z"
    first = shown[0]
    planes = (
        "" if stacks else ' If they are the planes of one stack: z_axis="series" (--z-axis series).'
    )
    return (
        f"holds {len(series)} images, {what}: {_listed(shown, series)}. Select one: "
        f'index={{"series": {first}}} (--index series={first}).{planes}'
    )


def _listed(numbers: Sequence[int], series: Sequence[TiffPageSeries]) -> str:
    told = [f"{number} {_described(series[number])}" for number in numbers[:_SHOWN]]
    return ", ".join(told) + (" ..." if len(numbers) > _SHOWN else "")


def _described(series: Any) -> str:
    name = series.name if isinstance(series.name, str) and series.name else ""
    sides = " x ".join(map(str, series.shape))
    return f"({f'{name!r}, ' if name else ''}{sides} {series.dtype})"
