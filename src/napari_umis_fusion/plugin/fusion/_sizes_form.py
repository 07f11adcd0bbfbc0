"""The z step and the pixel size of a layer that has none."""

import weakref
from typing import Any

import numpy as np
from magicgui.widgets import FloatSpinBox

from napari_umis_fusion.layers import describe_step
from napari_umis_fusion.plugin.viewer import TargetStack
from napari_umis_fusion.plugin.widgets import Form

MAX_UM = 100_000.0


class SizesForm(Form):
    """Rows for sizes in µm, shown while the layers of the stack have no z step of their own.

    What is typed becomes scale and units of the layers, so that results, files and scripts have it,
    too. 0 means unknown.

    Parameters
    ----------
    viewer : napari viewer
        Its view is fitted again when the pixel size changes.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._target: TargetStack | None = None
        self._typed: weakref.WeakSet[Any] = weakref.WeakSet()
        rows = [
            _row("z_step_um", "z step (µm)", "Distance between planes; the depth map needs it."),
            _row("pixel_um", "pixel size (µm)", "Width of a pixel; for scale bars and 3D views."),
        ]
        super().__init__(rows)
        self["z_step_um"].changed.connect(self._apply)
        self["pixel_um"].changed.connect(self._apply)
        self.setVisible(False)

    def adapt_to(self, target: TargetStack | None) -> None:
        """Show the rows if the stack has no z step, or has it from here."""
        self._target = target
        is_typed = target is not None and all(layer in self._typed for layer in target.layers)
        is_open = target is not None and describe_step(target.images[0], target.axes) is None
        self.setVisible(is_typed or is_open)
        if target is None:
            return
        layer = target.layers[0]
        for name, axis in (("z_step_um", target.axes.z), ("pixel_um", target.axes.x)):
            with self[name].changed.blocked():
                self[name].value = abs(layer.scale[axis]) if _is_um(layer, axis) else 0.0

    def _apply(self) -> None:
        """Set scale and units of the layers, wherever a size is given."""
        target = self._target
        if target is None:
            return
        step, pixel, axes = self["z_step_um"].value, self["pixel_um"].value, target.axes
        sizes = {axes.z: step, axes.y: pixel, axes.x: pixel}
        for layer in list(target.layers):
            self._typed.add(layer)
            scale, units = np.array(layer.scale), list(layer.units)
            was = scale[axes.x]
            for axis, size in sizes.items():
                if size > 0:
                    scale[axis], units[axis] = np.copysign(size, scale[axis]), "um"
                elif _is_um(layer, axis):  # typed before, and taken back
                    scale[axis], units[axis] = np.copysign(1, scale[axis]), "pixel"
            layer.units, layer.scale = units, scale
        if was != scale[axes.x]:
            self._viewer.reset_view()


def _is_um(layer: Any, axis: int) -> bool:
    return str(layer.units[axis]) == "micrometer"


def _row(name: str, label: str, tooltip: str) -> FloatSpinBox:
    row = FloatSpinBox(
        name=name,
        label=label,
        value=0.0,
        min=0.0,
        max=MAX_UM,
        step=0.1,
        tooltip=f"{tooltip} 0: unknown.",
    )
    row.native.setDecimals(4)
    row.native.setSpecialValueText("unknown")
    row.native.setKeyboardTracking(False)  # "0.25" is one size, not three
    return row
