"""The preview: the visible area, fused whenever an option changes."""

from collections.abc import Callable
from typing import Any

from magicgui.widgets import CheckBox
from qtpy.QtCore import QObject, Signal

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.files import LayerData
from napari_umis_fusion.layers import LayerPlan, iter_fuse_layer
from napari_umis_fusion.plugin.fusion._preview_layers import PreviewLayers
from napari_umis_fusion.plugin.viewer import TargetStack
from napari_umis_fusion.plugin.widgets import LatestJob

MAX_PX = 512
"""Longest side of the preview; of a larger view the middle is fused, to keep it quick."""


class Preview(QObject):
    """Keeps layers with the visible area, fused with the current options.

    Parameters
    ----------
    viewer : napari viewer
        Viewer that shows the preview.
    describe : callable
        Returns target, config and plan, or None if nothing can be fused.

    Signals
    -------
    notified(str)
        The state of the preview, as a sentence.
    """

    notified = Signal(str)

    def __init__(
        self,
        viewer: Any,
        describe: Callable[[], tuple[TargetStack, FusionConfig, LayerPlan] | None],
    ) -> None:
        super().__init__()
        self._viewer, self._describe = viewer, describe
        self._shown = PreviewLayers(viewer)
        self._target: TargetStack | None = None
        self._request: Any = None
        self._job = LatestJob()
        self._job.done.connect(self._show)
        self._job.failed.connect(self._on_failed)
        self._is_on = False

    @property
    def is_on(self) -> bool:
        """Whether a preview is shown."""
        return self._is_on

    @property
    def is_busy(self) -> bool:
        """Whether a preview is being computed."""
        return self._job.is_busy

    def set_enabled(self, on: bool) -> None:
        """Start the preview, or stop it and remove its layer."""
        if on == self._is_on:
            return
        self._is_on = on
        camera = getattr(
            self._viewer, "scene", self._viewer
        ).camera  # napari 0.9 moved the camera to viewer.scene
        for event in (
            camera.events.center,
            camera.events.zoom,
            self._viewer.dims.events.current_step,
        ):
            (event.connect if on else event.disconnect)(self.refresh)
        if on:
            self.refresh()
        else:
            self._forget()
            self._shown.remove()
            self.notified.emit("")

    def refresh(self, event: Any = None) -> None:
        """Compute the preview again, once changes pause."""
        if not self._is_on:
            return
        described = self._describe()
        if described is None:
            self._forget()
            return
        target, config, plan = described
        # a part of the planes is too little for estimating transforms, and it would take long
        config, plan = config.replace(align="none"), plan.replace(transforms=None)
        part = visible_part(self._viewer, target, plan)
        if part is None:
            self._forget()
            self.notified.emit("The preview needs the stack to be visible, in the 2D view.")
            return
        request = [id(image.data) for image in target.images], config, part
        if request == self._request:  # no option changed; for example, a layer was added
            return
        self._request, self._target = request, target
        self.notified.emit("previewing …")
        images = list(target.images)
        self._job.submit(lambda: iter_fuse_layer(images, config, part))

    def _forget(self) -> None:
        self._job.cancel()
        self._request = None

    def _on_failed(self, error: Exception) -> None:
        self.notified.emit(str(error))

    def _show(self, made: list[LayerData]) -> None:
        target = self._target
        if not self._is_on or target is None:
            return
        self._shown.show(made, [layer.name for layer in target.layers])
        self.notified.emit("preview")


def preview_box() -> CheckBox:
    """Return the box that switches the preview."""
    return CheckBox(
        text="preview the visible area",
        tooltip="Preview the result while options change: the middle of the visible area, at "
        "most 512 pixels wide. The stack is not changed.",
    )


def visible_part(viewer: Any, target: TargetStack, plan: LayerPlan) -> LayerPlan | None:
    """Return a plan for the middle of the visible area of a stack; None if it is not visible."""
    layer, axes, shape = target.layers[0], target.axes, target.images[0].shape
    displayed = {axis - (viewer.dims.ndim - len(shape)) for axis in viewer.dims.displayed}
    if displayed != {axes.y, axes.x}:
        return None
    corners = layer.corner_pixels * _downsampling(layer)
    bounds = []
    for axis, given in ((axes.y, plan.rows), (axes.x, plan.columns)):
        low, high = given or (0, shape[axis])
        start, stop = max(low, int(corners[0, axis])), min(high, int(corners[1, axis]) + 1)
        middle = (start + stop) // 2
        start, stop = max(start, middle - MAX_PX // 2), min(stop, middle + MAX_PX // 2)
        if stop <= start:
            return None
        bounds.append((start, stop))
    step = viewer.dims.point
    world = [step[target.viewer_axis(viewer, axis)] for axis in range(len(shape))]
    here = layer.world_to_data(world)
    index = {axis: min(max(round(here[axis]), 0), shape[axis] - 1) for axis in axes.loops}
    return plan.replace(
        rows=bounds[0],
        columns=bounds[1],
        index=index,
        outputs=("all_in_focus",),
    )


def _downsampling(layer: Any) -> Any:
    """Return how many full-resolution pixels a displayed pixel covers along each axis."""
    if not layer.multiscale:
        return 1
    return layer.downsample_factors[layer.data_level]
