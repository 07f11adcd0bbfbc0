"""What a first look at the stack suggests: to align it, or to fuse channels together."""

import weakref
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_umis_fusion.layers import FirstLook, LayerPlan, iter_first_look
from napari_umis_fusion.plugin.fusion._offer import Offer
from napari_umis_fusion.plugin.fusion._stack_list import likely_channels
from napari_umis_fusion.plugin.viewer import TargetStack
from napari_umis_fusion.plugin.widgets import LatestJob, Message, in_words_of_rows
from napari_umis_fusion.runtime import failure_reason

MAX_NOTES = 3
"""Notes on planes that are shown; the table of planes lists all after a fusion."""


class Advice(QWidget):
    """Looks at the stack in a thread once it is chosen, and offers what it suggests.

    Parameters
    ----------
    viewer : napari viewer
        Its other layers may be channels of the same stack.

    Signals
    -------
    align_wanted()
        The user wants the planes to be aligned.
    together_wanted(object)
        The user wants these layers to be fused together, as channels.
    """

    align_wanted = Signal()
    together_wanted = Signal(object)

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._key: Any = None
        self._aligns = False
        self._channels: list[Any] = []
        self.look: FirstLook | None = None
        self._failure = ""
        self._job = LatestJob()
        self._job.done.connect(self._on_look)
        self._job.failed.connect(self._on_failed)
        self.moved, self.channels = Offer("Align them"), Offer("Fuse together")
        self.moved.clicked.connect(self.align_wanted)
        self.channels.clicked.connect(self._on_together)
        self.planes = Message()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (self.moved, self.channels, self.planes):
            layout.addWidget(part)
        self._show()

    @property
    def is_busy(self) -> bool:
        """Whether a stack is being looked at."""
        return self._job.is_busy

    def adapt_to(self, target: TargetStack | None, *, aligns: bool) -> None:
        """Look at a stack, unless it was looked at last.

        Parameters
        ----------
        target : TargetStack or None
            The chosen stack.
        aligns : bool
            Whether it will be aligned, so that nothing need be suggested.
        """
        self._aligns = aligns
        self._channels = [] if target is None else likely_channels(target.layers, self._viewer)
        key = key_of(target)
        if key != self._key:
            self._key, self.look, self._failure = key, None, ""
            self._job.cancel()
            if target is not None and target.planes > 1:
                images, axes = list(target.images), target.axes
                plan = LayerPlan(axes.z, axes.channel)
                self._job.submit(lambda: iter_first_look(images, plan))
        self._show()

    def cancel(self) -> None:
        """End the look, because the stack is fused now."""
        self._job.cancel()

    def release(self) -> None:
        """End the work."""
        self._job.cancel()
        self._channels = []

    def _on_look(self, look: FirstLook) -> None:
        self.look = look
        self._show()

    def _on_failed(self, error: Exception) -> None:
        """Say now what would end the fusion later, such as a file that is missing."""
        self._failure = f"A look at the stack failed: {failure_reason(error)}"
        self._show()

    def _show(self) -> None:
        look = self.look or FirstLook()
        is_moved = look.moved_px > 0 and not self._aligns
        self.moved.show_offer(
            f"Planes seem to be shifted by about {look.moved_px:.0f} px." if is_moved else ""
        )
        names = ", ".join(layer.name for layer in self._channels)
        self.channels.show_offer(f"These look like channels: {names}." if names else "")
        notes = look.notes[:MAX_NOTES]
        more = ["and more"] if len(look.notes) > MAX_NOTES else []
        told = f"When fused: {'; '.join([*notes, *more])}." if notes else self._failure
        self.planes.setText(in_words_of_rows(told))
        self.planes.setVisible(bool(told))

    def _on_together(self) -> None:
        self.together_wanted.emit(list(self._channels))


def key_of(target: TargetStack | None) -> Any:
    """Return what identifies the data of a stack, without keeping it in memory."""
    if target is None:
        return None
    layers = [weakref.ref(layer) for layer in target.layers]
    return layers, [id(image.data) for image in target.images], target.axes
