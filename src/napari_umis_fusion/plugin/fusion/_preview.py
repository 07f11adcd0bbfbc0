"""The preview: the visible area, fused whenever an option changes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from magicgui.widgets import CheckBox
from qtpy.QtCore import QObject, Signal

from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files import LayerData
from napari_umis_fusion.layers import LayerPlan, Span, iter_preview
from napari_umis_fusion.plugin.fusion._clicked_pixel import Described
from napari_umis_fusion.plugin.fusion._preview_layers import PreviewLayers
from napari_umis_fusion.plugin.viewer import TargetStack
from napari_umis_fusion.plugin.widgets import LatestJob

MAX_PX = 512
"""Longest side of the preview; of a larger view the middle is fused, to keep it quick."""

UNALIGNED = (
    "Preview, without alignment: press Fuse once, and the preview shows the planes aligned, too."
)
NOT_COVERED = "Here the aligned planes do not overlap: nothing of it will be in the result."


class Preview(QObject):
    """Keeps layers with the visible area, fused with the current options.

    Parameters
    ----------
    viewer : napari viewer
        Viewer that shows the preview.
    describe : callable
        Returns target, config and plan, or None if nothing can be fused; may raise an error of the
        package.
    find_alignment : callable
        Returns the known alignment of a target, config and plan, or None.

    Signals
    -------
    notified(str)
        The state of the preview, as a sentence.
    """

    notified = Signal(str)

    def __init__(
        self,
        viewer: Any,
        describe: Callable[[], Described | None],
        find_alignment: Callable[[Described], Alignment | None],
    ) -> None:
        super().__init__()
        self._viewer, self._describe = viewer, describe
        self._find_alignment = find_alignment
        self._shown = PreviewLayers(viewer)
        self._target: TargetStack | None = None
        self._request: Any = None
        self._text = ""
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
        try:
            described = self._describe()
        except UmisFusionError as error:
            self.notified.emit(str(error))
            described = None
        if described is None:
            self._forget()
            return
        target, config, plan = described
        part = visible_part(self._viewer, target, plan)
        if part is None:
            self._forget()
            self.notified.emit("The preview needs the stack to be visible, in the 2D view.")
            return
        wants_alignment = config.aligns or plan.transforms is not None
        alignment = self._find_alignment(described) if wants_alignment else None
        plan = plan.replace(index=part.index, outputs=("all_in_focus",))
        data = [id(image.data) for image in target.images]
        request = data, config, plan, part, id(alignment)
        if request == self._request:  # no option changed; for example, a layer was added
            return
        self._request, self._target = request, target
        self._text = "Preview." if alignment or not wants_alignment else UNALIGNED
        self.notified.emit("previewing …")
        images, span = list(target.images), (part.rows, part.columns)
        self._job.submit(lambda: iter_preview(images, config, plan, *span, alignment))

    def _forget(self) -> None:
        self._job.cancel()
        self._request = None

    def _on_failed(self, error: Exception) -> None:
        self.notified.emit(str(error))

    def _show(self, made: list[LayerData]) -> None:
        target = self._target
        if not self._is_on or target is None:
            return
        if not made:
            self._shown.remove()
            self.notified.emit(NOT_COVERED)
            return
        self._shown.show(made, [layer.name for layer in target.layers])
        self.notified.emit(self._text)


def preview_box() -> CheckBox:
    """Return the box that switches the preview."""
    return CheckBox(
        text="preview the visible area",
        tooltip="Preview the result while options change: the middle of the visible area, at "
        "most 512 pixels wide. The stack is not changed.",
    )


@dataclass(frozen=True, slots=True)
class VisiblePart:
    """The middle of the visible area of a stack.

    Attributes
    ----------
    rows, columns : tuple of int
        First row (column), and the one after the last.
    index : dict of int to int
        Entry of each looped axis, such as time.
    """

    rows: Span
    columns: Span
    index: dict[int, int]


def visible_part(viewer: Any, target: TargetStack, plan: LayerPlan) -> VisiblePart | None:
    """Return the visible part of what a plan fuses of a stack; None if it is not visible."""
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
    return VisiblePart(bounds[0], bounds[1], index)


def _downsampling(layer: Any) -> Any:
    """Return how many full-resolution pixels a displayed pixel covers along each axis."""
    if not layer.multiscale:
        return 1
    return layer.downsample_factors[layer.data_level]
