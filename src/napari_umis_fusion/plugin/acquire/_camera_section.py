"""See: single pictures, the live picture, exposure, and all that the camera can be set to."""

from functools import partial
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_umis_fusion.plugin.acquire._live_picture import Newest, iter_live
from napari_umis_fusion.plugin.acquire._microscope import LIVE, Microscope
from napari_umis_fusion.plugin.acquire._picture_layer import PictureLayer
from napari_umis_fusion.plugin.acquire._property_list import PropertyList
from napari_umis_fusion.plugin.acquire._shutter import snapped
from napari_umis_fusion.plugin.widgets import Job, abandon, section, tell_unexpected
from napari_umis_fusion.runtime import AnyArray

NAME = "camera"
EXPOSURES_MS = (0.001, 600_000.0)


class CameraSection(QWidget):
    """Shows what the camera sees.

    Parameters
    ----------
    viewer : napari viewer
        Viewer that shows the picture.
    microscope : Microscope
        The microscope.

    Signals
    -------
    stopped()
        The live picture has ended.
    """

    stopped = Signal()

    def __init__(self, viewer: Any, microscope: Microscope) -> None:
        super().__init__()
        self._microscope = microscope
        self.picture = PictureLayer(viewer, NAME)
        self.job: Job | None = None
        self._is_starting = False
        self._newest = Newest()
        self.snap, self.live = QPushButton("Snap"), QPushButton("Live")
        self.snap.setToolTip("Take one picture.")
        self.live.setToolTip("Show what the camera sees, until pressed again.")
        self.live.setCheckable(True)
        self.rate = QLabel("")
        self.rate.setToolTip("Pictures that the camera takes per second.")
        self.exposure = QDoubleSpinBox()
        self.exposure.setToolTip("Exposure time of the camera.")
        self.exposure.setRange(*EXPOSURES_MS)
        self.exposure.setDecimals(3)
        self.exposure.setSuffix(" ms")
        self.exposure.setKeyboardTracking(False)
        self.shutter = QCheckBox("shutter open")
        self.shutter.setToolTip("Open the shutter by hand, also while no picture is taken.")
        self.properties = PropertyList(microscope)
        self._lay_out()
        self.snap.clicked.connect(self.take)
        self.live.toggled.connect(self._on_live)
        self.exposure.valueChanged.connect(self._on_exposure)
        self.shutter.clicked.connect(self._on_shutter)
        microscope.exposureChanged.connect(self._show_exposure)
        microscope.changed.connect(self._on_changed)
        microscope.activityChanged.connect(self._on_activity)
        self._on_activity("")

    @property
    def is_live(self) -> bool:
        """Whether the live picture runs, or is ending."""
        return self.job is not None or self._is_starting

    def take(self) -> None:
        """Take one picture."""
        core = self._microscope.core
        self.picture.renew()
        self._microscope.ask(lambda: snapped(core), self._show, key="snap")

    def start(self) -> None:
        """Start the live picture, unless something else is being done."""
        if not self.is_live and self._microscope.begin(LIVE):
            self._is_starting = True
            self._microscope.after_calls(self._run)
        self._show_state()

    def _run(self) -> None:
        if not self._is_starting:  # stopped meanwhile
            return
        self._is_starting = False
        self._microscope.told.emit("")
        self.picture.renew()
        self._newest = Newest()
        self.job = Job(partial(iter_live, self._microscope.core, self._newest))
        self.job.yielded.connect(self._on_event)
        self.job.returned.connect(self._on_returned)
        self.job.failed.connect(self._on_failed)
        self.job.ended.connect(self._on_end)
        self.job.start()

    def stop(self) -> None:
        """End the live picture; `stopped` follows."""
        if self.job is not None:
            self.job.cancel()
        elif self._is_starting:
            self._is_starting = False
            self._on_end()

    def release(self) -> None:
        """End the live picture, and hear nothing more of it."""
        job, self.job = self.job, None
        self._is_starting = False
        abandon(job)
        self.properties.release()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        for widget in (self.snap, self.live, self.rate):
            row.addWidget(widget)
        form = QFormLayout()
        form.addRow("exposure", self.exposure)
        form.addRow("", self.shutter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addLayout(form)
        layout.addWidget(section("Gain and other properties", self.properties))

    def _show(self, image: AnyArray) -> None:
        self.picture.show(image, self._microscope.devices.pixel_um)

    def _on_event(self, event: Any) -> None:
        frame = self._newest.take()
        if frame is None:
            return
        self._show(frame.image)
        self.rate.setText(f"{frame.per_second:.1f} per s" if frame.per_second else "")
        if self.picture.was_deleted:
            self._microscope.told.emit("The live picture has ended, because its layer was deleted.")
            self.stop()

    def _on_returned(self, why: str) -> None:
        self._microscope.told.emit(why)

    def _on_failed(self, error: Exception) -> None:
        self._microscope.tell(error)
        tell_unexpected(error)

    def _on_end(self) -> None:
        self.job = None
        self.rate.setText("")
        self._microscope.end(LIVE)
        self._show_state()
        self.stopped.emit()

    def _on_live(self, on: bool) -> None:
        if on:
            self.start()
        else:
            self.stop()

    def _show_state(self) -> None:
        self.live.blockSignals(True)
        self.live.setChecked(self.is_live)
        self.live.blockSignals(False)

    def _on_changed(self) -> None:
        self._on_activity(self._microscope.activity)

    def _on_shutter(self, is_open: bool) -> None:
        core = self._microscope.core
        self._microscope.ask(lambda: core.setShutterOpen(is_open), lambda _: self._ask_shutter())

    def _ask_shutter(self) -> None:
        core = self._microscope.core
        if core is not None and self._microscope.devices.shutter:
            ask = self._microscope.ask
            ask(core.getShutterOpen, self.shutter.setChecked, lambda error: None, key="shutter?")

    def _ask_exposure(self) -> None:
        core = self._microscope.core
        if core is not None and self._microscope.devices.camera:
            ask = self._microscope.ask
            ask(core.getExposure, self._show_exposure, lambda error: None, key="exposure?")

    def _on_activity(self, activity: str) -> None:
        has_camera = self._microscope.is_connected and bool(self._microscope.devices.camera)
        self.setEnabled(has_camera and activity in ("", LIVE))
        self.snap.setEnabled(activity == "")
        self.shutter.setEnabled(bool(self._microscope.devices.shutter))
        if not activity:
            self._ask_exposure()
            self._ask_shutter()

    def _on_exposure(self, exposure_ms: float) -> None:
        core = self._microscope.core

        def expose() -> float:
            core.setExposure(exposure_ms)
            return float(core.getExposure())

        if core is not None:
            self._microscope.ask(expose, self._show_exposure, key="exposure")

    def _show_exposure(self, exposure_ms: float) -> None:
        self.exposure.blockSignals(True)
        self.exposure.setValue(exposure_ms)
        self.exposure.blockSignals(False)
