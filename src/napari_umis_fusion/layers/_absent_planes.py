"""Planes that a layer's file lacks: never recorded, or in files that are absent."""

from collections.abc import Mapping

from napari_umis_fusion.files import ABSENT_KEY, FILE_KEY, LayerImage
from napari_umis_fusion.layers._axes import LayerAxes


def absent_planes(image: LayerImage, picks: Mapping[int, int], axes: LayerAxes) -> frozenset[int]:
    """Return the planes of one channel that its file lacks."""
    origin = image.metadata.get(FILE_KEY)
    told = origin.get(ABSENT_KEY, ()) if isinstance(origin, Mapping) else ()
    whole = len(image.shape) - 2
    places = (place for place in told if len(place) == whole and axes.z < whole)
    return frozenset(
        place[axes.z]
        for place in places
        if all(place[axis] == entry for axis, entry in picks.items() if axis < whole)
    )
