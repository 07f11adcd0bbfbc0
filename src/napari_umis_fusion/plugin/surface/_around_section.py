"""The section that projects other layers around the surface, and lifts them onto it."""

from collections.abc import Callable
from functools import partial
from typing import Any

from napari.layers import Layer
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files import RUN_KEY
from napari_umis_fusion.layers import (
    AROUND,
    LayerProgress,
    PlacedDepth,
    iter_lift_labels,
    iter_project_layer,
    points_onto_surface,
    points_to_image,
)
from napari_umis_fusion.plugin.commands import fusion_options
from napari_umis_fusion.plugin.surface._choice_names import CHOICE_NAMES
from napari_umis_fusion.plugin.surface._layers_form import NOTHING, SurfaceSource
from napari_umis_fusion.plugin.viewer import NamedLayers, entries_shown
from napari_umis_fusion.plugin.widgets import (
    ConfigForm,
    LatestJob,
    Progress,
    names_box,
    push_buttons,
    tell_unexpected,
)
from napari_umis_fusion.projection import AroundConfig
from napari_umis_fusion.runtime import sentence_of

BUTTONS = {
    "flatten": (
        "Project to 2-D",
        "Project a stack, labels or points along the surface, as a new layer.",
    ),
    "lift": (
        "Onto the surface",
        "Give points or labels that are drawn over the image their place on the surface, as a new "
        "layer.",
    ),
}
NO_DEPTH = "There is no depth map: fuse a stack whose z step is known, or choose one above."
NO_LAYER = "Choose the stack, labels or points under 'layer' first."


class AroundSection(QWidget):
    """Projects layers around a surface, and lifts them onto it.

    Parameters
    ----------
    viewer : napari viewer
        Viewer with the layers.
    source : callable
        Returns the depth map and what is left out, as a `SurfaceSource`; None without one.

    Signals
    -------
    told(str)
        What happens, as a sentence.
    """

    told = Signal(str)

    def __init__(self, viewer: Any, source: Callable[[], SurfaceSource | None]) -> None:
        super().__init__()
        self._viewer, self._source = viewer, source
        row = names_box(
            name="layer",
            label="layer",
            tooltip="Stack, labels or points that are projected or lifted.",
            choices=[NOTHING],
        )
        self.form = ConfigForm(AroundConfig(), more=[row], choice_names=CHOICE_NAMES)
        self.buttons = push_buttons(BUTTONS)
        self.job = LatestJob(delay_ms=0, report=_report)
        self._lay_out()
        self._named = NamedLayers(self._offer)
        events = viewer.layers.events
        self._events = [events.inserted, events.removed, viewer.layers.selection.events.active]
        for event in self._events:
            event.connect(self._offer)
        self.job.progressed.connect(lambda _, text: self.told.emit(text))
        self.job.done.connect(self._on_done)
        self.job.failed.connect(self._on_failed)
        self._offer()

    def release(self) -> None:
        """Disconnect from the viewer, and end the work."""
        for event in self._events:
            event.disconnect(self._offer)
        self._named.follow([])
        self.job.cancel()

    def choose(self, layer: Any) -> None:
        """Choose the layer that is projected or lifted, if that is possible."""
        if layer is not None and layer.name in self.form["layer"].choices:
            self.form["layer"].value = layer.name

    def flatten(self) -> None:
        """Project the chosen layer along the surface."""
        self._begin(self._flattened)

    def lift(self) -> None:
        """Lift the chosen layer onto the surface."""
        self._begin(self._lifted)

    def _begin(self, work: Callable[[Any, PlacedDepth], None]) -> None:
        layers, name = self._viewer.layers, self.form["layer"].value
        layer = layers[name] if name is not None and name in layers else None
        try:
            depth = self._placed()
            if layer is None or depth is None:
                self.told.emit(NO_LAYER if layer is None else NO_DEPTH)
            else:
                work(layer, depth)
        except UmisFusionError as error:
            self._on_failed(error)

    def _flattened(self, layer: Any, depth: PlacedDepth) -> None:
        if layer._type_string == "points":
            self._on_done(points_to_image(layer, depth))
            return
        # as the fusion widget shows them, where it is open
        fusion = fusion_options(self._viewer) if depth.config.method == "edf" else None
        data = layer.as_layer_data_tuple()
        self._submit(partial(iter_project_layer, data, depth, fusion, keep_axes=depth.keeps_z))

    def _lifted(self, layer: Any, depth: PlacedDepth) -> None:
        if layer._type_string == "points":
            self._on_done(points_onto_surface(layer, depth))
        elif layer._type_string == "labels":
            has_z = layer.ndim > depth.z
            plane = entries_shown(self._viewer, layer)[depth.z] if has_z else 0
            self._submit(partial(iter_lift_labels, layer.as_layer_data_tuple(), depth, plane))
        else:
            self.told.emit("Points and labels are lifted; a stack is projected to 2-D.")

    def _submit(self, steps: Callable[[], Any]) -> None:
        self.told.emit("Projecting…")
        self.job.submit(steps)

    def _placed(self) -> PlacedDepth | None:
        source = self._source()
        if source is None:
            return None
        part = source.depth
        return PlacedDepth(part.image, source.left_out, self.form.value(), part.entries)

    def _on_done(self, made: Any) -> None:
        (data, attributes, kind), notes = made
        layers, name = self._viewer.layers, attributes["name"]
        if kind == "image" and name in layers and _is_projected(layers[name]):
            layers.remove(name)  # it is renewed with other options
        chosen = self.form["layer"].value
        layer = self._viewer.add_layer(Layer.create(data, attributes, kind))
        if chosen in self.form["layer"].choices:  # the new layer is active, but not chosen
            self.form["layer"].value = chosen
        said = "; ".join((f"{layer.name!r} was added", *notes))
        self.told.emit(f"{said}.")

    def _on_failed(self, error: Exception) -> None:
        tell_unexpected(error)
        self.told.emit(sentence_of(error))

    def _lay_out(self) -> None:
        actions = {"flatten": self.flatten, "lift": self.lift}
        row = QHBoxLayout()
        for name, button in self.buttons.items():
            button.clicked.connect(actions[name])
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.form)
        column.addLayout(row)

    def _offer(self, event: Any = None) -> None:
        """Offer the layers that there are, and follow the selection."""
        row = self.form["layer"]
        before = self._named.now(row.value)
        names = self._named.follow(layer for layer in self._viewer.layers if _is_offered(layer))
        row.choices = [*names, NOTHING]
        row.value = before if before in names else NOTHING
        self.choose(self._viewer.layers.selection.active)


def _is_offered(layer: Any) -> bool:
    if RUN_KEY in layer.metadata:
        return False
    is_stack = layer._type_string == "image" and layer.ndim > 2
    return is_stack or layer._type_string in ("labels", "points")


def _is_projected(layer: Any) -> bool:
    return bool(layer.metadata.get(RUN_KEY, {}).get("output") == AROUND)


def _report(event: Any) -> Progress | None:
    if not isinstance(event, LayerProgress):
        return None
    return Progress(event.share, f"Projecting: {100 * event.share:.0f} %")
