"""A TIFF file whose planes are stored as images of their own."""

from collections.abc import Mapping
from pathlib import Path

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._naming_errors import naming_read_errors
from napari_umis_fusion.files.read._tiff import TiffStack, open_tiff
from napari_umis_fusion.files.read._tiff_file import open_tiff_file
from napari_umis_fusion.files.read._tiff_series import series_of
from napari_umis_fusion.stack import Plane, Stack

SERIES = "series"
"""Name of the axis that counts the images of a file."""


class SeriesStack(Stack):
    """The images of a file as planes, in their order.

    Parameters
    ----------
    planes : list of TiffStack
        Each of one plane, all alike.
    """

    def __init__(self, planes: list[TiffStack]) -> None:
        first = planes[0]
        self._planes = planes
        self.shape = (len(planes), *first.shape[1:])
        self.dtype, self.rgb, self.sources = first.dtype, first.rgb, first.sources
        self.calibration = first.calibration
        self.is_mosaic = all(plane.is_mosaic for plane in planes)

    def plane(self, z: int) -> Plane:
        """Read plane `z`."""
        return self._planes[z].plane(0)

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`, and no more than that from uncompressed files."""
        return self._planes[z].region(0, rows, columns)


def holds_several(path: Path) -> bool:
    """Return whether a file holds several images; "series" is also the name of an axis."""
    with naming_read_errors(path), open_tiff_file(path) as tif:
        return len(series_of(tif)) > 1


def open_series_as_planes(path: Path, index: Mapping[str, int] | None = None) -> SeriesStack:
    """Open the images of a file as the planes of one stack.

    Raises
    ------
    StackFileError
        If they differ in size or dtype, or hold several planes each.
    """
    with naming_read_errors(path):
        with open_tiff_file(path) as tif:
            count = len(series_of(tif))
        entries = dict(index or {})
        numbers = range(count)
        planes = [
            open_tiff(path, index={**entries, SERIES: number}, one_plane=True) for number in numbers
        ]
        for number, stack in enumerate(planes):
            if (stack.shape, stack.dtype) != ((1, *planes[0].shape[1:]), planes[0].dtype):
                msg = (
                    f"series {number} is {stack.shape} {stack.dtype}, series 0 is "
                    f"{planes[0].shape} {planes[0].dtype}; accepted as planes are images of one "
                    "size and dtype, one plane each. Select one series with index instead."
                )
                raise StackFileError(msg)
    return SeriesStack(planes)
