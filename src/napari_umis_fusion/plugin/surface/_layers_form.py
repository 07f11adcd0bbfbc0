"""Which layers a surface is made of."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_umis_fusion.files import RUN_KEY, LayerImage, layer_image
from napari_umis_fusion.layers import AROUND, DepthLayer
from napari_umis_fusion.plugin.viewer import NamedLayers, entries_shown
from napari_umis_fusion.plugin.widgets import Form, names_box
from napari_umis_fusion.surface import SurfaceConfig

NOTHING = "nothing"

ROWS = {
    "depth": ("depth map", "Depth map in a unit of length, as a fusion adds it."),
    "image": ("image", "All-in-focus image: the colour of the surface in 3-D and in meshes."),
    "left_out": (
        "left out",
        "Layer that is not 0 where the depth means nothing, such as 'never in focus'. These pixels "
        "count as not measured.",
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class SurfaceSource:
    """The layers of a surface, at the sliders.

    Attributes
    ----------
    layer : napari.layers.Image
        The depth map.
    depth : DepthLayer
        Its part in sight.
    picture : napari.layers.Image or None
        The all-in-focus image.
    image, left_out : LayerImage or None
        Content of the picture, and of what is left out.
    """

    layer: Any
    depth: DepthLayer
    picture: Any
    image: LayerImage | None
    left_out: LayerImage | None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the depth map."""
        rows, columns = (self.depth.image.shape[axis] for axis in self.depth.plane_axes)
        return rows, columns

    def placed_shapes(self) -> dict[str, Any]:
        """Return the attributes with which a layer of shapes in rows and columns lies over it."""
        image, axes = self.depth.image, self.depth.plane_axes
        shown = [0 if k in axes else self.depth.entries[k] for k in range(len(image.shape))]
        placement = image.placement.part(axes, shown, np.ones(len(shown)))
        return {**placement.attributes(), "units": [image.units[axis] for axis in axes]}


class LayersForm(Form):
    """A row for each layer; the depth map follows the selection.

    Parameters
    ----------
    viewer : napari viewer
        Viewer with the layers.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        super().__init__(
            [
                names_box(name=name, label=label, tooltip=tip, choices=[NOTHING])
                for name, (label, tip) in ROWS.items()
            ]
        )
        self._named = NamedLayers(self._offer)
        events = viewer.layers.events
        self._events = [events.inserted, events.removed, viewer.layers.selection.events.active]
        for event in self._events:
            event.connect(self._offer)
        viewer.dims.events.current_step.connect(self._on_sliders)
        self._offer()

    def release(self) -> None:
        """Disconnect from the viewer."""
        for event in self._events:
            event.disconnect(self._offer)
        self._named.follow([])
        self._viewer.dims.events.current_step.disconnect(self._on_sliders)

    def source(self, config: SurfaceConfig) -> SurfaceSource | None:
        """Return the chosen layers at the sliders; None without a depth map."""
        layer = self._layer("depth")
        if layer is None:
            return None
        image, left_out = (self._layer(name) for name in ("image", "left_out"))
        return SurfaceSource(
            layer,
            DepthLayer(layer_image(layer), entries_shown(self._viewer, layer), config),
            image,
            None if image is None else layer_image(image),
            None if left_out is None else LayerImage.of(left_out.data, {"name": left_out.name}),
        )

    def _layer(self, row: str) -> Any:
        name = self[row].value
        layers = self._viewer.layers
        return layers[name] if name is not None and name in layers else None

    def _offer(self, event: Any = None) -> None:
        """Offer the layers that there are, and follow the selection."""
        every = [
            layer for layer in self._viewer.layers if layer._type_string in ("image", "labels")
        ]
        depths = [layer for layer in every if _holds_depth(layer)]
        offered = {
            "depth": [layer.name for layer in depths],
            "image": [one.name for one in every if one not in depths and _is_image(one)],
            "left_out": [one.name for one in every if one._type_string == "labels"],
        }
        before = {row: self._named.now(name) for row, name in self.row_values().items()}
        self._named.follow(every)
        self._is_setting = True
        try:
            for row, names in offered.items():
                self[row].choices = [*names, NOTHING]
                self[row].value = before[row] if before[row] in names else NOTHING
            active = self._viewer.layers.selection.active
            if active in depths or (depths and self["depth"].value == NOTHING):
                self["depth"].value = (active if active in depths else depths[-1]).name
            if self["depth"].value != before["depth"]:
                self._match(self._layer("depth"))
        finally:
            self._is_setting = False
        if self.row_values() != before:
            self.valueChanged.emit()

    def _on_sliders(self, event: Any = None) -> None:
        """Tell that another part of the depth map is in sight, if it has parts."""
        layer = self._layer("depth")
        if layer is not None and layer.ndim > 2:
            self.valueChanged.emit()

    def _match(self, depth: Any) -> None:
        """Choose the image and the mask that were fused from the same stack as the depth map."""
        origin = _origin(depth)
        for row, output in (("image", "all_in_focus"), ("left_out", "never_in_focus")):
            names = [
                layer.name
                for layer in self._viewer.layers
                if origin is not None
                and _origin(layer) == origin
                and layer.metadata[RUN_KEY].get("output") == output
                and layer.name in self[row].choices
            ]
            self[row].value = (*names, NOTHING)[0]


def _holds_depth(layer: Any) -> bool:
    return layer._type_string == "image" and DepthLayer.holds(layer_image(layer))


def _is_image(layer: Any) -> bool:
    record = layer.metadata.get(RUN_KEY, {})
    return bool(layer._type_string == "image" and record.get("output") in ("all_in_focus", AROUND))


def _origin(layer: Any) -> Any:
    """Return what a result was fused from; None for other layers."""
    record = None if layer is None else layer.metadata.get(RUN_KEY)
    return None if record is None else record.get("layer")
