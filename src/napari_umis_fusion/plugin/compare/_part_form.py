"""What is compared: a stack, as it is in the window or as a whole, and how images are shown."""

from dataclasses import dataclass
from typing import Any

from magicgui.widgets import ComboBox

from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files import LayerImage, layer_image
from napari_umis_fusion.layers import LayerPlan
from napari_umis_fusion.plugin.commands import fusion_described
from napari_umis_fusion.plugin.viewer import (
    NamedLayers,
    TargetStack,
    entries_shown,
    target_in,
    visible_part,
)
from napari_umis_fusion.plugin.widgets import Form, names_box

VISIBLE, WHOLE = "visible part", "whole planes"
NOTHING = "no z-stack"


@dataclass(frozen=True, slots=True, eq=False)
class ComparedPart:
    """What is fused in each way.

    Attributes
    ----------
    images : list of LayerImage
        The layer, or layers that are its channels.
    plan : LayerPlan
        Which part of them, of one time point and position.
    """

    images: list[LayerImage]
    plan: LayerPlan


class PartForm(Form):
    """Rows for the stack, its part, and how the images are arranged.

    Parameters
    ----------
    viewer : napari viewer
        Viewer whose stacks are offered; the choice follows its active layer.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        stack = names_box(
            name="stack",
            label="stack",
            choices=[NOTHING],
            tooltip="The z-stack. Its planes, channels and region are those of Fuse z-stack, if "
            "it is chosen there, too.",
        )
        part = ComboBox(
            name="part",
            label="part",
            choices=[VISIBLE, WHOLE],
            tooltip="Fuse what the window shows of the planes, which is quicker, or all of them. "
            "Of several time points or positions, the one at the sliders is fused.",
        )
        arrangement = ComboBox(
            name="images",
            label="images",
            choices=["grid", "stacked"],
            tooltip="Show the images beside each other in napari's grid, or over each other: the "
            "selected one is then visible.",
        )
        super().__init__([stack, part, arrangement])
        self._named = NamedLayers(self._offer)
        events = viewer.layers.events
        self._events = [events.inserted, events.removed, viewer.layers.selection.events.active]
        for event in self._events:
            event.connect(self._offer)
        self._offer()

    def release(self) -> None:
        """Disconnect from the viewer."""
        for event in self._events:
            event.disconnect(self._offer)
        self._named.follow([])

    def value(self) -> ComparedPart:
        """Return what is compared.

        Raises
        ------
        UmisFusionError
            If there is no stack, or it is not visible.
        """
        name = self["stack"].value
        if name not in self._viewer.layers:
            raise UmisFusionError("There is no z-stack yet; open one, and select its layer.")
        layer = self._viewer.layers[name]
        target, plan = self._target(layer)
        entries, images = entries_shown(self._viewer, layer), list(target.images)
        shown = {axis: entries[axis] for axis in target.axes.loops}
        if plan.each_channel:  # each decides by itself: compared is the one that is shown
            images = [layer_image(layer)]
            channel = target.axes.channel
            shown |= {} if channel is None else {channel: entries[channel]}
        if self["part"].value == VISIBLE:
            part = visible_part(self._viewer, target, plan)
            if part is None:
                raise UmisFusionError(
                    f"{name!r} is not visible here; move the view, choose the 2D view, or take "
                    f"{WHOLE!r}."
                )
            plan = plan.replace(rows=part.rows, columns=part.columns)
        return ComparedPart(images, plan.replace(index=shown))

    def _target(self, layer: Any) -> tuple[TargetStack, LayerPlan]:
        """Return the stack of a layer, and what Fuse z-stack would fuse of it."""
        described = fusion_described(self._viewer)
        if described is not None and layer in described[0].layers:
            return described[0], described[2]
        target = target_in(layer)
        if target is None:
            raise UmisFusionError(f"{layer.name!r} is no z-stack any more; choose another layer.")
        axes = target.axes
        return target, LayerPlan(z_axis=axes.z, channel_axis=axes.channel)

    def _offer(self, event: Any = None) -> None:
        """Offer the stacks that there are, and follow the active layer."""
        stacks = [layer for layer in self._viewer.layers if target_in(layer) is not None]
        row, active = self["stack"], self._viewer.layers.selection.active
        chosen = self._named.now(row.value)
        names = self._named.follow(stacks)
        with row.changed.blocked():
            row.choices = names or [NOTHING]
            if active in stacks:
                row.value = active.name
            elif chosen in names:
                row.value = chosen
        if row.value != chosen:
            self._on_row()
