"""A stack whose planes are in a zarr array."""

from typing import Any

import numpy as np

from napari_umis_fusion.scale._extra import needs_scale
from napari_umis_fusion.scale._field_source import FieldSource
from napari_umis_fusion.stack import Plane, Stack, check_stack, narrowed, narrowed_dtype


class ZarrStack(Stack):
    """One time point of an image of OME-Zarr, all channels; rectangles are read by chunks.

    Parameters
    ----------
    source : FieldSource
        The image.
    time : int
        The time point.
    """

    def __init__(self, source: FieldSource, time: int = 0) -> None:
        self._source, self._time = source, time
        channels = source.size("c")
        sizes = (source.size("z"), *source.plane_shape)
        self.shape = sizes if channels == 1 else (*sizes, channels)
        self._recorded_dtype = source.output_dtype
        self.dtype = narrowed_dtype(self._recorded_dtype)
        check_stack(self.shape, self.dtype, has_named_channels=True)
        self.sources, self.calibration = (source.array,), source.calibration
        self.channel_names = source.channel_names if channels > 1 else ()
        self._array: Any = None

    def plane(self, z: int) -> Plane:
        """Read plane `z`."""
        return self.region(z, slice(None), slice(None))

    def region(self, z: int, rows: slice, columns: slice) -> Plane:
        """Read a rectangle of plane `z`, and only the chunks that it touches."""
        if self._array is None:
            with needs_scale():
                import zarr
            self._array = zarr.open_array(self._source.array, mode="r")
        places = {"t": self._time, "c": slice(None), "z": z, "y": rows, "x": columns}
        read = np.asarray(self._array[tuple(places[name] for name in self._source.axes)])
        if "c" in self._source.axes:
            read = read[0] if len(self.shape) == 3 else np.moveaxis(read, 0, -1)
        plane: Plane = narrowed(np.ascontiguousarray(read)).astype(self.dtype, copy=False)
        return plane
