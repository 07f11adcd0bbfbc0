"""Monitor a region during training: fused with initial and current weights, as two layers."""

import weakref
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Layer
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QPushButton

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files import layer_image
from napari_umis_fusion.layers import PREVIEW_KEY, LayerPlan, MonitoredRegion, choose_layer_axes
from napari_umis_fusion.plugin.viewer import (
    BETWEEN_LAYERS_MS,
    PLACES,
    NamedLayers,
    TargetStack,
    draw_region,
    region_bounds,
    target_in,
)
from napari_umis_fusion.plugin.widgets import ConfigForm, Message, names_box
from napari_umis_fusion.runtime import sentence_of
from napari_umis_fusion.training import Pictured

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PX = 512
"""Longest side of the monitored region; of a larger one the middle is fused, to save time."""

NOTHING, MIDDLE = "nothing", "its middle"
DRAWN = "monitored region"

PICTURES = ("initial weights", "current weights")
"""Last words of the names of the two layers."""

_MESSAGES = {
    "idle": "Choose a stack to fuse a region of it with the initial weights and with the current "
    "weights while training runs.",
    "chosen": "{rows} x {columns} px are fused at every validation.",
}


@dataclass(frozen=True, slots=True)
class Monitored:
    """What is monitored.

    Attributes
    ----------
    stack : str
        Name of a layer, or "nothing".
    region : str
        Name of a shapes layer, or "its middle".
    """

    stack: str = NOTHING
    region: str = MIDDLE


class MonitorForm(ConfigForm):
    """Rows for what is `Monitored`; the training reads `stack` in its own thread.

    Parameters
    ----------
    viewer : napari viewer
        Viewer with the stacks and shapes, which also shows the two layers.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._region: MonitoredRegion | None = None
        self._shown: dict[str, Any] = {}
        self._seen: dict[str, MonitoredRegion] = {}
        self._drawn: Any = None
        self._to_do: list[Callable[[], None]] = []
        rows = {
            "stack": names_box(
                name="stack",
                label="monitor",
                choices=[NOTHING],
                tooltip="Stack that is fused again during training to show the progress. It need "
                "not be training data.",
            ),
            "region": names_box(
                name="region",
                label="region",
                choices=[MIDDLE],
                tooltip=f"Shapes layer that bounds the region, at most {MAX_PX} px wide and high.",
            ),
        }
        super().__init__(Monitored(), rows=rows)
        self.message, draw = Message(_MESSAGES["idle"]), QPushButton("Draw a region")
        draw.setToolTip("Add a shapes layer to draw a rectangle.")
        draw.clicked.connect(self.draw)
        self.add_below(draw, self.message)
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.setInterval(BETWEEN_LAYERS_MS)
        self._next.timeout.connect(self._do_next)
        self.valueChanged.connect(self._choose)
        self._named = NamedLayers(self._offer)
        for event in (viewer.layers.events.inserted, viewer.layers.events.removed):
            event.connect(self._offer)
        self._offer()

    def stack(self) -> Any:
        """Return the monitored stack, or None; may be called from any thread."""
        region = self._region
        return None if region is None else region.stack

    def monitor(self, layer: Any) -> None:
        """Monitor a stack of the viewer."""
        self["stack"].value = layer.name

    def draw(self) -> None:
        """Add a shapes layer over the stack, in the mode that draws rectangles."""
        layer = self._chosen_layer()
        if layer is None:
            self.message.setText("Choose the stack first.")
            return
        axes = choose_layer_axes(layer_image(layer), None)
        shapes = draw_region(self._viewer, layer, axes, DRAWN)
        self["region"].value = shapes.name

    def prepare(self, then: "Callable[[], None]") -> None:
        """Add both layers, still hidden, before training starts; then call `then`.

        While a training runs, napari takes several times as long to add a layer.
        """
        region = self._region
        self._seen.clear()
        self._to_do = [then]
        if region is not None:
            blank = np.zeros(region.stack.shape[1:], region.stack.dtype)
            layers = [partial(self._layer_for, region, when, blank) for when in PICTURES]
            self._to_do = [*layers, then]
        self._next.start()

    def show_picture(self, picture: Pictured) -> None:
        """Show both images as layers; existing layers are updated."""
        region = self._region
        if region is None or picture.stack is not region.stack:
            return  # another one was chosen meanwhile
        pictures = zip(PICTURES, (picture.initial, picture.current), strict=True)
        self._to_do = [partial(self._show, region, when, image) for when, image in pictures]
        self._next.start()
        self.message.setText(
            f"Fused with the weights of step {picture.step}. Compare the two layers."
        )

    def release(self) -> None:
        """Disconnect from the viewer."""
        for event in (self._viewer.layers.events.inserted, self._viewer.layers.events.removed):
            event.disconnect(self._offer)
        self._named.follow([])
        self._follow(None)
        self._region = None
        self._to_do.clear()

    def _do_next(self) -> None:
        """Do one task, and let the window process events before the next, even after an error."""
        if not self._to_do:  # released meanwhile
            return
        # napari selects an added layer; the user's selection is restored
        selection = set(self._viewer.layers.selection)
        try:
            self._to_do.pop(0)()
        finally:
            self._viewer.layers.selection = selection & set(self._viewer.layers)
            if self._to_do:
                self._next.start()

    def _layer_for(self, region: MonitoredRegion, when: str, image: Any) -> Any:
        """Return the layer for an image; a new, hidden one if none has its shape."""
        data, attributes, kind = region.layer_data(image, f"{self.value().stack} {when}")
        shown = self._shown.get(when, lambda: None)()
        if shown in self._viewer.layers and shown.data.shape == data.shape:
            for name in ("name", *PLACES):
                setattr(shown, name, attributes[name])
            return shown
        if shown in self._viewer.layers:
            self._viewer.layers.remove(shown)
        mark = {**attributes["metadata"], PREVIEW_KEY: True}
        layer = Layer.create(data, {**attributes, "metadata": mark, "visible": False}, kind)
        # weak: a layer that the user deletes must not stay in memory
        self._shown[when] = weakref.ref(layer)
        self._viewer.add_layer(layer)
        return layer

    def _show(self, region: MonitoredRegion, when: str, image: Any) -> None:
        """Show an image, unless the user has hidden or removed its layer."""
        is_new = self._seen.get(when) is not region
        if not is_new and self._shown[when]() not in self._viewer.layers:
            return
        layer = self._layer_for(region, when, image)
        layer.data = region.layer_data(image, layer.name)[0]
        if is_new:
            layer.visible = True
        self._seen[when] = region

    def _offer(self, event: Any = None) -> None:
        stacks = [layer.name for layer in self._viewer.layers if target_in(layer) is not None]
        shapes = [one.name for one in self._viewer.layers if one._type_string == "shapes"]
        before = {name: self._named.now(chosen) for name, chosen in self.row_values().items()}
        self._named.follow(self._viewer.layers)
        for name, choices in (("stack", [NOTHING, *stacks]), ("region", [MIDDLE, *shapes])):
            row = self[name]
            # what is monitored has only another name: it must not be chosen anew
            with row.changed.blocked():
                row.choices = choices
                row.value = before[name] if before[name] in choices else choices[0]
        if self.row_values() != before:
            self._on_row()

    def _chosen_layer(self) -> Any:
        return _named(self._viewer, self.value().stack)

    def _choose(self, event: Any = None) -> None:
        """Determine the region from stack and shapes."""
        layer = self._chosen_layer()
        name = self.value().region
        drawn = None if name == MIDDLE else _named(self._viewer, name)
        self._follow(drawn)
        target = None if layer is None else target_in(layer)
        if target is None:
            self._region = None
            self.message.setText(_MESSAGES["idle"])
            return
        try:
            plan = _plan(self._viewer, target, drawn)
            self._region = MonitoredRegion(target.images[0], plan)
        except UmisFusionError as error:
            self._region = None
            self.message.setText(sentence_of(error))
            return
        rows, columns = self._region.stack.shape[1:3]
        self.message.setText(_MESSAGES["chosen"].format(rows=rows, columns=columns))

    def _follow(self, shapes: Any) -> None:
        """Determine the region again whenever a shape is drawn or moved."""
        before = self._drawn() if self._drawn is not None else None
        if before is shapes:
            return
        if before is not None:
            before.events.data.disconnect(self._choose)
        if shapes is not None:
            shapes.events.data.connect(self._choose)
        self._drawn = None if shapes is None else weakref.ref(shapes)


def _named(viewer: Any, name: str | None) -> Any:
    return next((layer for layer in viewer.layers if layer.name == name), None)


def _plan(viewer: Any, target: TargetStack, shapes: Any) -> LayerPlan:
    image, axes = target.images[0], target.axes
    bounds = ((0, image.shape[axes.y]), (0, image.shape[axes.x]))
    if shapes is not None and len(shapes.data):
        bounds = region_bounds(shapes, target)
    rows, columns = (_middle(*part) for part in bounds)
    here = target.layers[0].world_to_data(viewer.dims.point[-len(image.shape) :])
    index = {axis: min(max(round(here[axis]), 0), image.shape[axis] - 1) for axis in axes.loops}
    return LayerPlan(axes.z, axes.channel, rows=rows, columns=columns, index=index)


def _middle(start: int, stop: int) -> tuple[int, int]:
    """Return the middle of a span, at most `MAX_PX` long."""
    middle = (start + stop) // 2
    return max(start, middle - MAX_PX // 2), min(stop, middle + MAX_PX // 2)
