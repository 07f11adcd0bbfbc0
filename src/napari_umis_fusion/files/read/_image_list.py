"""A stack with one file for each plane, or for each channel of a plane."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_umis_fusion.errors import StackFileError
from napari_umis_fusion.files.read._image_files import ImageFiles
from napari_umis_fusion.stack import Calibration, Plane, Stack, check_stack


class ImageListStack(Stack):
    """Stack of image files, one for each plane: TIFF, PNG, JPEG, BMP or WebP.

    All headers are read and compared when it is created, pixels on demand.

    Parameters
    ----------
    paths : sequence of pathlib.Path, or of sequence of pathlib.Path
        The planes in order; or for each plane the files of its channels.
    index : mapping of str to int
        The index to select of further axes in TIFF files.

    Raises
    ------
    StackFileError
        If a file is broken, holds several planes, or differs from most others in size or dtype.
    """

    def __init__(
        self,
        paths: Sequence[Path] | Sequence[Sequence[Path]],
        index: Mapping[str, int] | None = None,
    ) -> None:
        self._planes = [[one] if isinstance(one, Path) else list(one) for one in paths]
        every = [path for plane in self._planes for path in plane]
        self.files = ImageFiles(every, index)
        channels = (len(self._planes[0]),) if len(self._planes[0]) > 1 else ()
        if channels and len(self.files.shape) == 3:
            raise StackFileError(_both(every[0].parent, colour=self.files.rgb))
        self.shape = (len(self._planes), *self.files.shape, *channels)
        self.dtype, self.rgb = self.files.dtype, self.files.rgb
        self.calibration: Calibration = self.files.calibration
        told = [self.files.optics_of(channel) for channel in zip(*self._planes, strict=True)]
        self.optics = tuple(one for optics in told for one in optics)
        self.is_mosaic = self.files.is_mosaic and len(self.shape) == 3
        self.sources = tuple(str(path.absolute()) for path in every)
        check_stack(self.shape, self.dtype, has_named_channels=len(self.shape) == 4)

    def plane(self, z: int) -> Plane:
        """Read plane `z` from its files."""
        return self.region(z, slice(None), slice(None))

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`, and no more than that from uncompressed TIFF."""
        parts = [self.files.read(path, rows, columns) for path in self._planes[z]]
        return parts[0] if len(parts) == 1 else np.stack(parts, axis=-1)


def _both(folder: Path, *, colour: bool) -> str:
    inner = "colour" if colour else "several channels"
    return (
        f"{folder}: file names count channels (C), and each file holds {inner}. Select one of "
        'those that names count: index={"C": 0} (--index C=0).'
    )
