"""The stack to fuse: which layers, their description, and rows for what they leave open."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from magicgui.widgets import ComboBox

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
from napari_umis_fusion.plugin.fusion._stack_list import (
    channels_of,
    may_be_stack,
    name_of,
    stacks_in,
    topmost_visible,
)
from napari_umis_fusion.plugin.viewer import FollowedLayers, TargetStack
from napari_umis_fusion.plugin.widgets import Form, Message, names_box
from napari_umis_fusion.runtime import sentence_of
from napari_umis_fusion.stack import MAX_CHANNELS

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
    changed. The row `stack` offers all stacks of the viewer; choosing one selects its layers. Where
    no stack is selected, the last one stays, or the topmost visible one is taken. `message`
    describes it, or says why it cannot be fused.

    Parameters
    ----------
    viewer : napari viewer
        Viewer whose layers are followed.
    fused : FusedLayers
        The fusions so far.
    """

    def __init__(self, viewer: Any, fused: FusedLayers) -> None:
        self._viewer, self._fused = viewer, fused
        self._chosen = FollowedLayers(_OBSERVED, self.refresh)
        self._named = FollowedLayers(["name"], self._on_name)
        self._added: Any = None
        self._offered_stacks: list[tuple[str, Any]] = []
        self._offered_axes: list[tuple[str, Any]] = []
        self._offered: list[tuple[str, Any]] = []
        self.target: TargetStack | None = None
        self._stack = names_box(
            name="stack",
            label="stack",
            choices=[],
            tooltip="What is fused. It follows the selected layers. Channels of one stack can be "
            "fused together.",
        )
        self._z = ComboBox(
            name="z_axis",
            label="planes along",
            choices=[],
            tooltip="Axis along which the focus changes.",
        )
        self._decision = names_box(
            name="decision",
            label="focus channel",
            choices=[],
            tooltip="Channel on which focus is measured. The decision applies to all channels, so "
            "that they stay registered, unless each channel is fused separately.",
        )
        super().__init__([self._stack, self._z, self._decision])
        self.message = Message(NOTHING)
        self._layout.insertRow(1, self.message)
        self._stack.changed.connect(self._on_chosen)
        self._z.changed.connect(self._on_axis)
        viewer.layers.selection.events.changed.connect(self._on_selected)
        viewer.layers.events.inserted.connect(self._on_added)
        viewer.layers.events.removed.connect(self._on_removed)
        self.refresh()

    def release(self) -> None:
        """Disconnect from viewer and layers."""
        self._viewer.layers.selection.events.changed.disconnect(self._on_selected)
        self._viewer.layers.events.inserted.disconnect(self._on_added)
        self._viewer.layers.events.removed.disconnect(self._on_removed)
        self._chosen.follow([])
        self._named.follow([])

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
        self._chosen.follow(layers)
        self._offer_stacks(layers)
        if not layers:
            self._show_nothing(NOTHING)
            return
        try:
            images = [layer_image(layer) for layer in layers]
            self._offer_axes(images[0])
            self._set_target(layers, images)
        except UmisFusionError as error:
            self._show_nothing(sentence_of(error))

    def _chosen_layers(self) -> list[Any]:
        """Return the stack of the selected layers, or the one that stays."""
        selected = [
            layer
            for layer in self._viewer.layers
            if layer in self._viewer.layers.selection and layer._type_string == "image"
        ]
        found: list[Any] = []
        for layer in selected:  # for a fused layer, its sources
            found += [one for one in self._fused.sources_of(layer) if one not in found]
        stacks = [layer for layer in found if may_be_stack(layer)]
        if len(stacks) == 1 and stacks[0] is self._added:
            return channels_of(stacks[0], self._viewer)
        if stacks:
            return stacks
        # no stack is selected, for example while a region is drawn, or a truth was opened last
        kept = [] if self.target is None else self.target.layers
        kept = [layer for layer in kept if layer in self._viewer.layers]
        return (
            kept
            or topmost_visible(self._viewer)
            or [layer for layer in found if PREVIEW_KEY not in layer.metadata]
        )

    def _on_added(self, event: Any) -> None:
        """Take a new layer with its channels, as napari selects the last of them only."""
        if may_be_stack(event.value):
            self._added = event.value
        elif self.target is not None:
            return  # a result, for example: the stack stays, and all that follows it
        if PREVIEW_KEY not in event.value.metadata:
            self.refresh()

    def _on_removed(self, event: Any) -> None:
        if PREVIEW_KEY not in event.value.metadata:
            self.refresh()

    def _on_selected(self, event: Any = None) -> None:
        selection = self._viewer.layers.selection
        if selection and self._added not in selection:
            self._added = None  # selected again, it is meant alone
        # napari tells several times of one change, and all parts of the panel follow the stack
        if self.target is None or self._chosen_layers() != self.target.layers:
            self.refresh()

    def choose(self, layers: Iterable[Any]) -> None:
        """Select layers to fuse together; those that are not in the viewer are left out."""
        there = {layer for layer in layers if layer in self._viewer.layers}
        self._added = None
        if there:
            # napari makes one layer of the selection active; it must be one of these
            self._viewer.layers.selection = there
            self.refresh()

    def _on_chosen(self, key: Any) -> None:
        """Select the layers of the chosen stack."""
        self.choose([layer for layer in self._viewer.layers if id(layer) in (key or ())])

    def _offer_stacks(self, chosen: list[Any]) -> None:
        """Show the row of stacks; what is selected is among them, whatever it is."""
        stacks = stacks_in(self._viewer)
        self._named.follow([layer for layers in stacks for layer in layers if len(layers) == 1])
        if chosen and set(chosen) not in [set(layers) for layers in stacks]:
            stacks.insert(0, chosen)
        # by id: a choice must not keep a layer in memory that was deleted
        choices = [(name_of(layers), tuple(sorted(map(id, layers)))) for layers in stacks]
        with self._stack.changed.blocked():
            if choices != self._offered_stacks:
                self._stack.choices = []  # or those that stay would come first
                self._stack.choices = self._offered_stacks = choices
            if chosen:
                self._stack.value = tuple(sorted(map(id, chosen)))
        self.show_row("stack", bool(choices))

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
        # Raises if they differ.
        LayerStacks(images, LayerPlan(axes.z, axes.channel, each_channel=True))
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
            rules = _RULES if len(names) <= MAX_CHANNELS else {}
            choices = [(text, rule) for rule, text in rules.items()]
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
            self._offered_axes = []
            self.show_row("z_axis", False)
        self.show_row("decision", False)
        self.valueChanged.emit()

    def _on_name(self, event: Any = None) -> None:
        self._offer_stacks(self._chosen.layers)
