"""A pixel of a stack that need not be fused yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files import LayerImage
from napari_umis_fusion.layers._align import config_for
from napari_umis_fusion.layers._plan import LayerPlan
from napari_umis_fusion.layers._stacks import LayerStacks
from napari_umis_fusion.stack import Stack


@dataclass(frozen=True, slots=True, eq=False)
class PickedPixel:
    """A pixel of a layer, in all of its planes.

    Attributes
    ----------
    stack : Stack
        The stack of its time point, position and channel, with all planes, rows and columns.
    row, column : int
        The pixel.
    config : FusionConfig
        How its focus is measured.
    """

    stack: Stack
    row: int
    column: int
    config: FusionConfig


def pick_pixel(
    images: Sequence[LayerImage],
    config: FusionConfig,
    plan: LayerPlan,
    coordinates: Sequence[float],
    number: int = 0,
) -> PickedPixel | None:
    """Return the pixel at data coordinates of a layer; None outside of it.

    Parameters
    ----------
    images : sequence of LayerImage
        The layer, or layers that are its channels.
    config : FusionConfig
        How focus is measured.
    plan : LayerPlan
        Names the axes, and says whether channels are fused separately; its region does not count.
    coordinates : sequence of float
        One for each axis; that of z does not count.
    number : int
        Which of the layers was meant, if each is fused separately.

    Raises
    ------
    UmisFusionError
        If the layers cannot be fused.
    """
    whole = plan.replace(rows=None, columns=None, planes=None, index={}, transforms=None)
    stacks = LayerStacks(images, whole)
    entries = _entries_at(stacks, coordinates)
    if entries is None:
        return None
    place = {axis: entries[axis] for axis in stacks.loops}
    stack = stacks.stack((number if plan.each_channel else 0, place))
    axes = stacks.axes
    return PickedPixel(stack, entries[axes.y], entries[axes.x], config_for(stacks, config))


def _entries_at(stacks: LayerStacks, coordinates: Sequence[float]) -> Mapping[int, int] | None:
    found = {}
    for axis, size in enumerate(stacks.first.shape):
        if axis == stacks.axes.z:
            continue
        entry = round(float(coordinates[axis]))
        if not 0 <= entry < size:
            return None
        found[axis] = entry
    return found
