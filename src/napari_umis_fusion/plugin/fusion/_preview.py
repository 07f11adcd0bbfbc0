"""The preview: the visible area, fused whenever an option changes."""

from collections.abc import Callable
from typing import Any

from magicgui.widgets import CheckBox
from qtpy.QtCore import QObject, Signal

from napari_umis_fusion.alignment import Alignment
from napari_umis_fusion.errors import UmisFusionError
from napari_umis_fusion.files import LayerData
from napari_umis_fusion.layers import iter_preview
from napari_umis_fusion.plugin.fusion._clicked_pixel import Described
from napari_umis_fusion.plugin.fusion._preview_layers import PreviewLayers
from napari_umis_fusion.plugin.viewer import TargetStack, camera_of, visible_part
from napari_umis_fusion.plugin.widgets import LatestJob
from napari_umis_fusion.runtime import sentence_of

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
        camera = camera_of(self._viewer)
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
            self.notified.emit(sentence_of(error))
            described = None
        if described is None:
            self._forget()
            return
        target, config, plan = described
        part = visible_part(self._viewer, target, plan, MAX_PX)
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
        self.notified.emit(sentence_of(error))

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
