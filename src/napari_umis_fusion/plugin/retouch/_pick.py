"""Pick the plane by clicking: the one that is most in focus there."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_umis_fusion.fusion import FocusCurve, iter_focus_curve
from napari_umis_fusion.plugin.retouch._session import RetouchSession
from napari_umis_fusion.plugin.viewer import go_to_plane
from napari_umis_fusion.plugin.widgets import LatestJob
from napari_umis_fusion.runtime import sentence_of


class PlanePick(QObject):
    """Moves the z slider to the plane that is most in focus where one clicks.

    Parameters
    ----------
    viewer : napari viewer
        The viewer.
    session : RetouchSession
        What is retouched.

    Signals
    -------
    picked(str)
        What was found, as a sentence.
    """

    picked = Signal(str)

    def __init__(self, viewer: Any, session: RetouchSession) -> None:
        super().__init__()
        self._viewer, self._session = viewer, session
        self._is_on = False
        self.job = LatestJob(delay_ms=0)
        self.job.done.connect(self._on_measured)
        self.job.failed.connect(lambda error: self.picked.emit(sentence_of(error)))

    def release(self) -> None:
        """Listen no more."""
        self.listen(False)
        self.job.cancel()

    def listen(self, is_on: bool) -> None:
        """Listen to clicks on the canvas, or stop."""
        if is_on == self._is_on:
            return
        self._is_on = is_on
        callbacks = self._viewer.mouse_drag_callbacks
        if is_on:
            # A click would paint otherwise.
            self._session.layer.mode = "pan_zoom"
            callbacks.append(self._on_mouse)
            return
        if self._on_mouse in callbacks:
            callbacks.remove(self._on_mouse)
        if self._session.layer is not None:
            self._session.layer.mode = "paint"

    def _on_mouse(self, viewer: Any, event: Any) -> Iterator[None]:
        yield
        dragged = False
        while event.type == "mouse_move":
            dragged = True
            yield
        if not dragged:
            self.pick(event.position)

    def pick(self, position: Any) -> None:
        """Pick the plane at a position in world coordinates."""
        session = self._session
        if session.retouched is None or self._viewer.dims.ndisplay != 2:
            self.picked.emit("Planes are picked in the 2D view.")
            return
        found = session.retouched.stack_at(session.source.world_to_data(position))
        if found is None:
            self.picked.emit("That is outside of what was fused.")
            return
        stack, row, column = found
        self.job.submit(partial(iter_focus_curve, stack, row, column, session.config))

    def _on_measured(self, curve: FocusCurve) -> None:
        session = self._session
        if session.retouched is None or curve.sharpest is None:
            self.picked.emit("No plane shows anything there.")
            return
        stacks = session.retouched.stacks
        plane = stacks.span.planes.start + curve.sharpest
        go_to_plane(self._viewer, session.source, stacks.axes.z, plane)
        self.picked.emit(f"Plane {plane} is most in focus there. Paint what is to come from it.")
