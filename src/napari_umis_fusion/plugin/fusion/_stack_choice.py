"""The stack to fuse: the active layer, its description, and rows for what it leaves open."""

from dataclasses import dataclass
from html import escape
from typing import Any

from magicgui.widgets import ComboBox
from qtpy.QtWidgets import QLabel

from napari_umis_fusion.config import ChannelRule
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files import LayerImage, layer_image
from napari_umis_fusion.layers import (
    PREVIEW_KEY,
    LayerPlan,
    LayerStacks,
    axis_name,
    choose_layer_axes,
    describe_layer,
    likely_z,
)
from napari_umis_fusion.plugin.fusion._fused_layers import FusedLayers
from napari_umis_fusion.plugin.viewer import TargetStack
from napari_umis_fusion.plugin.widgets import Form

NOTHING = "Select the image layer that holds your z-stack, or open one: File > Open Sample."

_EACH = "each channel separately"
_RULES = {
    "mean": "all channels, mean",
    "max": "all channels, brightest",
}
_COLOURS = {"auto": "luminance", "mean": "mean of the colours", "max": "brightest colour"}

_OBSERVED = ("data", "scale", "units", "axis_labels", "name")


@dataclass(frozen=True, slots=True)
class Decision:
    """On which channel focus is measured.

    Attributes
    ----------
    channel : str or int
        A rule or a number, as in `FusionConfig`.
    each_channel : bool
        Whether each channel is fused separately.
    """

    channel: ChannelRule | int = "auto"
    each_channel: bool = False


class StackChoice(Form):
    """Follows the selected layers, describes them, and has rows for what they leave open.

    Its value is a `Decision`. `valueChanged` is emitted whenever `target` or the decision may have
    changed. The label `title` names the layer; `message` describes it, or says why it cannot be
    fused.

    Parameters
    ----------
    viewer : napari viewer
        Viewer whose layers are followed.
    fused : FusedLayers
        The fusions so far.
    """

    def __init__(self, viewer: Any, fused: FusedLayers) -> None:
        self._viewer, self._fused = viewer, fused
        self._observed: list[Any] = []
        self._offered_axes: list[tuple[str, Any]] = []
        self._offered: list[tuple[str, Any]] = []
        self.target: TargetStack | None = None
        self._z = ComboBox(
            name="z_axis",
            label="planes along",
            choices=[],
            tooltip="Axis along which the focus changes.",
        )
        self._decision = ComboBox(
            name="decision",
            label="focus channel",
            choices=[],
            tooltip="Channel on which focus is measured. The decision applies to all channels, so "
            "that they stay registered, unless each channel is fused separately.",
        )
        super().__init__([self._z, self._decision])
        self.title, self.message = QLabel(), QLabel(NOTHING)
        for label in (self.title, self.message):
            label.setWordWrap(True)
        self.add_above(self.title, self.message)
        self._z.changed.connect(self._on_axis)
        viewer.layers.selection.events.changed.connect(self.refresh)
        viewer.layers.events.inserted.connect(self.refresh)
        viewer.layers.events.removed.connect(self.refresh)
        self.refresh()

    def release(self) -> None:
        """Disconnect from viewer and layers."""
        self._viewer.layers.selection.events.changed.disconnect(self.refresh)
        self._viewer.layers.events.inserted.disconnect(self.refresh)
        self._viewer.layers.events.removed.disconnect(self.refresh)
        self._observe([])

    def value(self) -> Decision:
        """Return the channel on which focus is measured."""
        chosen = self._decision.value
        if chosen is None:
            return Decision()
        return Decision(each_channel=True) if chosen == _EACH else Decision(chosen)

    def setValue(self, decision: Decision) -> None:  # noqa: N802
        """Select the focus channel, if the stack has it."""
        chosen = _EACH if decision.each_channel else decision.channel
        if chosen in self._decision.choices:
            self._decision.value = chosen

    def refresh(self, event: Any = None) -> None:
        """Update from the selected layers."""
        layers = self._chosen_layers()
        self._observe(layers)
        if not layers:
            self._show_nothing(NOTHING)
            return
        self._show_title(layers)
        try:
            images = [layer_image(layer) for layer in layers]
            self._offer_axes(images[0])
            self._set_target(layers, images)
        except UmisFusionError as error:
            self._show_nothing(str(error))

    def _chosen_layers(self) -> list[Any]:
        """Return the selected image layers; for a fused layer, its sources."""
        selected = [
            layer
            for layer in self._viewer.layers
            if layer in self._viewer.layers.selection
            and layer._type_string == "image"
            and PREVIEW_KEY not in layer.metadata
        ]
        found: list[Any] = []
        for layer in selected:
            found += [one for one in self._fused.sources_of(layer) if one not in found]
        if found:
            return found
        kept = (
            [] if self.target is None else self.target.layers
        )  # no image selected, for example while a region is drawn
        return [layer for layer in kept if layer in self._viewer.layers]

    def _offer_axes(self, image: LayerImage) -> None:
        """Show the row of the z axis if it is uncertain, with the likely axis selected."""
        likely, sure = likely_z(image)
        choices: list[tuple[str, Any]] = [
            (f"{axis_name(image, place)} ({size})", place) for place, size in enumerate(image.shape)
        ]
        if likely is None:
            choices.insert(0, ("choose …", None))
        asked = not sure and len(image.shape) > 2
        if asked and choices != self._offered_axes:
            # replacing the choices changes the value of a combo box several times
            with self._z.changed.blocked():
                self._z.choices = choices
                self._z.value = likely
        self._offered_axes = choices if asked else []
        self.show_row("z_axis", asked)

    def _on_axis(self) -> None:
        if self._chosen_layers():
            self.refresh()

    def _set_target(self, layers: list[Any], images: list[LayerImage]) -> None:
        first = images[0]
        z = self._z.value if self._offered_axes else None
        axes = choose_layer_axes(first, z)
        LayerStacks(
            images, LayerPlan(axes.z, axes.channel, each_channel=True)
        )  # raises if they differ
        self.target = TargetStack(layers, images, axes)
        text = describe_layer(first, axes, len(layers))
        if z is not None and z == likely_z(first)[0]:
            text += f". No axis is named z; {axis_name(first, axes.z)} is a guess. Please check."
        self.message.setText(text)
        self._offer_decisions(self.target)
        self.valueChanged.emit()

    def _offer_decisions(self, target: TargetStack) -> None:
        image, channel = target.images[0], target.axes.channel
        choices: list[tuple[str, Any]] = []
        if image.rgb:
            choices = [(text, rule) for rule, text in _COLOURS.items()]
            choices += [(name, place) for place, name in enumerate(("red", "green", "blue"))]
        elif len(target.images) > 1 or (channel is not None and image.shape[channel] > 1):
            names = [one.name for one in target.images]
            if channel is not None:
                names = [f"channel {number}" for number in range(image.shape[channel])]
            choices = [(text, rule) for rule, text in _RULES.items()]
            choices += [(f"only {name}", place) for place, name in enumerate(names)]
            choices.append((_EACH, _EACH))
        if choices != self._offered:
            self._offered = choices
            # replacing the choices changes the value of a combo box several times
            with self._decision.changed.blocked():
                self._decision.choices = choices
                if choices:
                    self._decision.value = choices[0][1]
        self.show_row("decision", bool(choices))

    def _show_nothing(self, reason: str) -> None:
        self.target = None
        self.message.setText(reason)
        if reason == NOTHING:
            self._show_title([])
            self._offered_axes = []
            self.show_row("z_axis", False)
        self.show_row("decision", False)
        self.valueChanged.emit()

    def _show_title(self, layers: list[Any]) -> None:
        names = ", ".join(layer.name for layer in layers)
        self.title.setText(f"<b>{escape(names)}</b>")
        self.title.setVisible(bool(names))

    def _observe(self, layers: list[Any]) -> None:
        """Follow changes of these layers instead of the previous ones."""
        for layer in self._observed:
            for name in _OBSERVED:
                getattr(layer.events, name).disconnect(self.refresh)
        self._observed = list(layers)
        for layer in layers:
            for name in _OBSERVED:
                getattr(layer.events, name).connect(self.refresh)
