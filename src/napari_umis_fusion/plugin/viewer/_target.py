"""The current stack: layers, their content, and the roles of their axes."""

from dataclasses import dataclass
from typing import Any

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files import LayerImage, layer_image
from napari_umis_fusion.layers import PREVIEW_KEY, LayerAxes, choose_layer_axes


@dataclass(frozen=True, eq=False)
class TargetStack:
    """The current stack.

    Attributes
    ----------
    layers : list of napari.layers.Image
        One layer, or several that are channels.
    images : list of LayerImage
        Content of each.
    axes : LayerAxes
        Roles of their axes.
    """

    layers: list[Any]
    images: list[LayerImage]
    axes: LayerAxes

    @property
    def planes(self) -> int:
        """Number of planes."""
        return self.images[0].shape[self.axes.z]

    @property
    def has_loop(self) -> bool:
        """Whether there are several time points, positions or similar."""
        return any(self.images[0].shape[axis] > 1 for axis in self.axes.loops)

    def viewer_axis(self, viewer: Any, axis: int) -> int:
        """Return the axis of the viewer that is an axis of the layers."""
        return axis + int(viewer.dims.ndim) - len(self.images[0].shape)


def is_image(layer: Any) -> bool:
    """Whether a layer is an image, and no preview."""
    return bool(layer._type_string == "image" and PREVIEW_KEY not in layer.metadata)


def target_in(layer: Any) -> TargetStack | None:
    """Return the stack of a layer, or None if its z axis is uncertain or it has one plane."""
    if not is_image(layer):
        return None
    try:
        image = layer_image(layer)
        target = TargetStack([layer], [image], choose_layer_axes(image, None))
    except UmisFusionError:
        return None
    return target if target.planes > 1 else None
