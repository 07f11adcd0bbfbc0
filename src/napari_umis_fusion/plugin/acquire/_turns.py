"""Who may use the microscope: the live picture gives way, and comes back afterwards."""

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

from napari_umis_fusion.plugin.acquire._camera_section import CameraSection
from napari_umis_fusion.plugin.acquire._microscope import LIVE, Microscope


class Turns(QObject):
    """Starts work that needs the microscope alone.

    Parameters
    ----------
    microscope : Microscope
        The microscope.
    camera : CameraSection
        Its live picture.
    """

    def __init__(self, microscope: Microscope, camera: CameraSection) -> None:
        super().__init__()
        self._microscope, self._camera = microscope, camera
        self._next: tuple[str, Callable[[], None]] | None = None
        self._was_live = False
        camera.stopped.connect(self._on_stopped)
        microscope.activityChanged.connect(self._on_activity)

    @property
    def resumes_live(self) -> bool:
        """Whether the live picture comes back once the microscope is free."""
        return self._was_live

    def take(self, activity: str, start: Callable[[], None]) -> None:
        """Begin an activity and start its work; later, if the live picture has to end first."""
        microscope = self._microscope
        if not microscope.is_connected:
            microscope.told.emit("Connect a microscope first, or try the simulated one.")
        elif microscope.activity == LIVE:
            self._next, self._was_live = (activity, start), True
            self._camera.stop()
        elif microscope.begin(activity):
            microscope.after_calls(start)
        else:
            microscope.told.emit(
                f"The {microscope.activity} is under way. Wait for its end, or stop it."
            )

    def release(self) -> None:
        """Start nothing more."""
        self._next, self._was_live = None, False

    def _on_stopped(self) -> None:
        given, self._next = self._next, None
        if given is not None:
            self.take(*given)

    def _on_activity(self, activity: str) -> None:
        if not activity and self._was_live and self._next is None:
            self._was_live = False
            # Later: those who have just ended still tidy up.
            QTimer.singleShot(0, self._camera.start)
