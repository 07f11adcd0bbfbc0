"""A stack whose planes are in a zarr array."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_umis_fusion.files.ome_zarr._extra import needs_scale
from napari_umis_fusion.files.ome_zarr._zarr_image import ZarrImage
from napari_umis_fusion.stack import (
    FALLING,
    Plane,
    Stack,
    check_stack,
    narrowed,
    narrowed_dtype,
)


class ZarrStack(Stack):
    """A stack of an image of OME-Zarr; rectangles are read by chunks.

    Parameters
    ----------
    image : ZarrImage
        The image.
    z, channel : str or None
        Its axes that count planes and channels; by default z, and c where there are several.
    picks : mapping of str to int
        The index along other axes; 0 where none is given.
    """

    def __init__(
        self,
        image: ZarrImage,
        z: str | None = "z",
        channel: str | None = "c",
        picks: Mapping[str, int] | None = None,
    ) -> None:
        self._image, self._z, self._picks = image, z, dict(picks or {})
        channels = 1 if channel is None else image.size(channel)
        self._channel = channel if channels > 1 else None
        sizes = (1 if z is None else image.size(z), *image.plane_shape)
        self.shape = sizes if channels == 1 else (*sizes, channels)
        self.dtype = narrowed_dtype(image.output_dtype)
        check_stack(self.shape, self.dtype, has_named_channels=True)
        self.sources, self.calibration = (image.array,), image.calibration
        if channels > 1:
            self.channel_names, self.channel_colours = image.channel_names, image.channel_colours
        self._array: Any = None
        falls = z is not None and image.scale[image.axes.index(z)] < 0
        self.source_notes = (FALLING,) if falls else ()

    def plane(self, z: int) -> Plane:
        """Read plane `z`."""
        return self.region(z, slice(None), slice(None))

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`, and only the chunks that it touches."""
        if self._array is None:
            with needs_scale():
                import zarr
            self._array = zarr.open_array(self._image.array, mode="r")
        places: dict[str, Any] = {**self._picks, "y": rows, "x": columns}
        if self._z is not None:
            places[self._z] = z
        if self._channel is not None:
            places[self._channel] = slice(None)
        axes = self._image.axes
        read = np.asarray(self._array[tuple(places.get(axis, 0) for axis in axes)])
        kept = [axis for axis in axes if axis in ("y", "x", self._channel)]
        order = [kept.index(axis) for axis in ("y", "x", self._channel) if axis is not None]
        part = np.ascontiguousarray(read.transpose(order))
        plane: Plane = narrowed(part).astype(self.dtype, copy=False)
        return plane
