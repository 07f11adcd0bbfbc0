"""Labels of an image, lifted onto the surface that a depth map shows."""

import itertools
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import numpy as np

from napari_umis_fusion.layers._any_layer import NotedLayer, any_image, attributes_of
from napari_umis_fusion.layers._events import LayerProgress
from napari_umis_fusion.layers._lifted_axes import LiftedAxes
from napari_umis_fusion.layers._placed_depth import PlacedDepth
from napari_umis_fusion.projection import Slab, slab_of
from napari_umis_fusion.runtime import ScratchMemory, Workers, repeat_event, run_to_end
from napari_umis_fusion.surface import sample_map

MEMORY_MB = 2048
"""Labels above this size are kept in a temporary file."""


def labels_onto_surface(layer: Any, depth: PlacedDepth, plane: int = 0) -> NotedLayer:
    """Lift labels of an image onto the surface.

    Parameters
    ----------
    layer : napari.layers.Labels or (data, attributes, "labels")
        Of the axes of the depth map, with or without z, or of rows and columns only. It is not
        changed.
    depth : PlacedDepth
        The surface, with offset and thickness of the slab that gets the labels.
    plane : int
        Of labels with z, the plane that they are taken from.

    Returns
    -------
    (array, attributes, "labels")
        Labels in all planes of the stack that was fused, on the pixels of `layer`, with its
        colours and features.
    notes : tuple of str
        How many labelled pixels have no place on the surface.

    Raises
    ------
    StackError
        If the axes of the layer have no meaning over the depth map.
    """
    return run_to_end(iter_lift_labels(layer, depth, plane))


def iter_lift_labels(
    layer: Any, depth: PlacedDepth, plane: int = 0
) -> Generator[LayerProgress, None, NotedLayer]:
    """Lift labels, yielding progress; see `labels_onto_surface`.

    Yields
    ------
    LayerProgress
        At least every 100 ms, besides the time for one plane.
    """
    image = any_image(layer)
    work = _Lifting(LiftedAxes(depth, image))
    made = ScratchMemory(MEMORY_MB).lasting(work.shape, image.dtype)
    places, lost = list(work.places()), 0
    for number, place in enumerate(places):
        labels = np.asarray(work.view(image.data, place, plane if work.axes.has_z else None))
        event = LayerProgress(number, len(places), "projecting", 0, 1, number / len(places))
        with Workers() as workers:
            finding = workers.submit(work.slab, place, labels.shape)
            slab = yield from repeat_event(workers.result(finding), event)
        lost += int(np.count_nonzero(labels[~slab.shown]))
        for done, z in enumerate(slab.planes, 1):
            here = slab.holds(z) & (labels != 0)
            work.view(made, place, z)[here] = labels[here]
            share = (number + done / len(slab.planes)) / len(places)
            total = len(slab.planes)
            yield LayerProgress(number, len(places), "projecting", done, total, share)
    attributes = work.axes.with_z(attributes_of(layer))
    attributes["name"] = f"{image.name} on the surface"
    notes = (f"{lost} labelled pixels have no place on the surface",) if lost else ()
    return (made, attributes, "labels"), notes


class _Lifting:
    """The parts of labels that belong to one surface each, before and after."""

    def __init__(self, axes: LiftedAxes) -> None:
        self.axes, image = axes, axes.layer
        self._y, self._x = axes.plane_axes
        self._flat = [k for k in range(axes.ndim) if not (axes.has_z and k == axes.z)]
        self._outer = [k for k in self._flat if k not in (self._y, self._x)]
        source = axes.depth.source
        sizes = [image.shape[k] for k in self._flat]
        sizes.insert(axes.z, int(source["shape"][source["z_axis"]]))
        self.shape = tuple(sizes)

    def places(self) -> Iterator[dict[int, int]]:
        """Yield the entry of each axis with one surface for each."""
        sizes = [range(self.axes.layer.shape[k]) for k in self._outer]
        for entries in itertools.product(*sizes):
            yield dict(zip(self._outer, entries, strict=True))

    def view(self, array: Any, place: Mapping[int, int], z: int | None) -> Any:
        """Return a plane (Y, X) of labels, of those without z if that is None."""
        index: list[Any] = [place.get(k, slice(None)) for k in self._flat]
        if z is not None:
            index.insert(self.axes.z, min(z, array.shape[self.axes.z] - 1))
        part = array[tuple(index)]
        return part.swapaxes(0, 1) if self._y > self._x else part

    def slab(self, place: Mapping[int, int], shape: tuple[int, ...]) -> Slab:
        """Return the slab around the surface, on the pixels of the labels."""
        depth = self.axes.depth
        entries = self.axes.entries(place)
        rows, columns = (
            self.axes.places_along(mine, axis, np.arange(side))
            for mine, axis, side in zip(self.axes.plane_axes, depth.axes, shape, strict=True)
        )
        surface = sample_map(depth.surface_um(entries), rows, columns)
        slab = slab_of(
            surface,
            depth.positions_um,
            offset_um=depth.config.offset_um,
            thickness_um=depth.config.thickness_um,
        )
        height, width = (depth.image.shape[axis] for axis in depth.axes)
        outside = (rows < -0.5) | (rows > height - 0.5), (columns < -0.5) | (columns > width - 0.5)
        slab.last[outside[0]], slab.last[:, outside[1]] = -1, -1
        return slab
