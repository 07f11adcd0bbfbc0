"""What an image layer shows at the sliders, as an array that can be cut without a copy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_umis_fusion.errors import StackError
from napari_umis_fusion.files import layer_image
from napari_umis_fusion.layers import PREVIEW_KEY
from napari_umis_fusion.plugin.viewer import entries_shown

MOST_PX = 1 << 24
"""Pixels of the level that is shown of a multiscale layer, at most."""

OPAQUE = {"blending": "opaque", "opacity": 1.0}
"""Whatever lies beneath must not shine through."""


class ShownPlane:
    """The plane of an image layer that a viewer shows, one entry thick along all other axes.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    layer : napari.layers.Image
        The layer; it is not changed.

    Raises
    ------
    StackError
        If it is no image, or the viewer shows axes that it does not have.
    """

    def __init__(self, viewer: Any, layer: Any) -> None:
        self.layer, self._image = layer, layer_image(layer)
        ndim = len(self._image.shape)
        missing = int(viewer.dims.ndim) - ndim
        self.axes = tuple(axis - missing for axis in viewer.dims.displayed[-2:])
        if min(self.axes) < 0:
            raise StackError(
                f"{layer.name!r} does not have the axes that the viewer shows; show axes that both "
                "layers have."
            )
        entries = entries_shown(viewer, layer)
        array, factors = _level(layer, self._image.data)
        self._offset = (factors - 1) / 2
        index: list[slice] = [slice(None)] * ndim
        for axis in set(range(ndim)) - set(self.axes):
            here = min(int(entries[axis] / factors[axis]), array.shape[axis] - 1)
            index[axis] = slice(here, here + 1)
            self._offset[axis] += here * factors[axis]
        self._factors = factors
        self._array: NDArray[Any] = np.asarray(array[tuple(index)])

    @property
    def shape(self) -> tuple[int, ...]:
        """Size along each axis of the layer, without colour."""
        return self._array.shape[: len(self._factors)]

    def world_extent(self, axis: int) -> tuple[float, float]:
        """Return where the plane begins and ends in the world along one of `axes`.

        Its edges, not the centres of its first and last pixel.
        """
        ends = [self.world_of(axis, place) for place in (-0.5, self.shape[axis] - 0.5)]
        return min(ends), max(ends)

    def world_of(self, axis: int, place: float) -> float:
        """Return the world coordinate of an index of the plane along one of `axes`.

        Of a layer that is rotated or sheared, in the middle of the plane.
        """
        data = self._offset + self._factors * (np.asarray(self.shape) - 1) / 2
        data[axis] = self._offset[axis] + self._factors[axis] * place
        return float(self.layer.data_to_world(data)[axis])

    def index_at(self, axis: int, world: float) -> int:
        """Return how many pixels have their centre before a world coordinate along an axis."""
        first, second = (self.world_of(axis, place) for place in (0, 1))
        return int(np.clip(np.ceil((world - first) / (second - first)), 0, self.shape[axis]))

    def part(self, axis: int, stop: int) -> NDArray[Any]:
        """Return the pixels before an index along an axis: a view."""
        index = [slice(None)] * self._array.ndim
        index[axis] = slice(0, stop)
        return self._array[tuple(index)]

    def layer_data(self, name: str) -> tuple[NDArray[Any], dict[str, Any], str]:
        """Return the plane as a layer of its own, which covers what lies beneath it."""
        image = self._image
        keep = range(len(self._factors))
        attributes = {
            **image.look,
            **OPAQUE,
            **image.placement.part(keep, self._offset, self._factors).attributes(),
            "name": name,
            "rgb": image.rgb,
            "units": image.units,
            "axis_labels": tuple(self.layer.axis_labels),
            "metadata": {PREVIEW_KEY: True},
        }
        return self._array, attributes, "image"


def _level(layer: Any, full: Any) -> tuple[Any, NDArray[np.float64]]:
    """Return the finest level that is not too large, and how many pixels one of its covers."""
    levels = list(layer.data) if layer.multiscale else [full]
    ndim = layer.ndim
    whole = np.asarray(full.shape[:ndim], np.float64)
    for level in levels:
        if np.prod(level.shape[ndim - 2 : ndim]) <= MOST_PX:
            break
    return level, whole / np.asarray(level.shape[:ndim], np.float64)
