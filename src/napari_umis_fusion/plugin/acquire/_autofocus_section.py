"""Autofocus by software: where in the picture, how, and the curve that it measures."""

from functools import partial
from typing import Any

import numpy as np
from napari.layers import Shapes
from qtpy.QtWidgets import QComboBox, QFormLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from napari_umis_fusion.errors import AutofocusError, LiveError, UmisFusionError
from napari_umis_fusion.live import (
    AutofocusConfig,
    AutofocusResult,
    AutofocusStarted,
    FocusMeasured,
    FocusRegion,
    iter_autofocus,
)
from napari_umis_fusion.plugin.acquire._camera_section import CameraSection
from napari_umis_fusion.plugin.acquire._choice_names import CHOICE_NAMES
from napari_umis_fusion.plugin.acquire._focus_chart import FocusChart, FocusCurve
from napari_umis_fusion.plugin.acquire._microscope import AUTOFOCUS, LIVE, Microscope
from napari_umis_fusion.plugin.acquire._turns import Turns
from napari_umis_fusion.plugin.viewer import points_in
from napari_umis_fusion.plugin.widgets import (
    ConfigForm,
    Job,
    Progress,
    RunControls,
    abandon,
    format_duration,
    section,
    tell_unexpected,
)
from napari_umis_fusion.runtime import sentence_of

WHOLE, RECTANGLE = "whole picture", "rectangle"
REGION_LAYER = "autofocus region"
SIDES_PX = (16, 4096)

IDLE = {"start": ("Autofocus", "Search for the height at which the picture is sharpest.")}
RUNNING = {"cancel": ("Cancel", "End the search; the stage moves back to where it was.")}

BASICS = ("measure", "search", "range_um", "tolerance_um", "time_limit_s")


class AutofocusSection(QWidget):
    """Searches for focus, and shows the curve.

    Parameters
    ----------
    viewer : napari viewer
        Viewer that shows the picture.
    microscope : Microscope
        The microscope.
    camera : CameraSection
        What shows the picture in which points and rectangles are chosen.
    turns : Turns
        Who may use the microscope.
    """

    def __init__(
        self, viewer: Any, microscope: Microscope, camera: CameraSection, turns: Turns
    ) -> None:
        super().__init__()
        self._viewer, self._microscope = viewer, microscope
        self._camera, self._turns = camera, turns
        self.job: Job | None = None
        self.result: AutofocusResult | None = None
        self._curve, self._most_frames = FocusCurve(), 1
        self.form = ConfigForm(AutofocusConfig(), BASICS, choice_names=CHOICE_NAMES)
        more = [name for name in AutofocusConfig.__dataclass_fields__ if name not in BASICS]
        self.more = ConfigForm(AutofocusConfig(), more, choice_names=CHOICE_NAMES)
        self.part, self.where, self.side = QWidget(), QComboBox(), QSpinBox()
        self.where.addItems((WHOLE, RECTANGLE))
        self.where.setToolTip(
            "Part of the picture that is to be in focus: all of it, or the latest rectangle of "
            "the selected shapes layer."
        )
        self.side.setRange(*SIDES_PX)
        self.side.setValue(64)
        self.side.setSuffix(" px")
        self.side.setToolTip("Side of the square around a point that you click.")
        self.draw, self.point = QPushButton("Draw rectangle"), QPushButton("Focus where I click")
        self.draw.setToolTip("Draw a rectangle over the picture.")
        self.point.setToolTip("Click a point of the picture: it is brought into focus.")
        self.point.setCheckable(True)
        self.controls = RunControls(IDLE, RUNNING)
        self.chart = FocusChart()
        self._lay_out()
        self._connect()
        self._on_activity("")

    def value(self) -> AutofocusConfig:
        """Return how to search.

        Raises
        ------
        ConfigError
            If a row holds no valid number.
        """
        basics = self.form.value()
        rest = self.more.value()
        names = tuple(AutofocusConfig.__dataclass_fields__)
        return AutofocusConfig(
            **{name: getattr(basics if name in BASICS else rest, name) for name in names}
        )

    def start(self, region: FocusRegion | None = None) -> None:
        """Search for focus; by default in the part of the picture that is chosen."""
        try:
            config = self.value()
            if region is None and self.where.currentText() == RECTANGLE:
                region = self._rectangle()
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
            return
        self._turns.take(AUTOFOCUS, lambda: self._start(config, region))

    def release(self) -> None:
        """Cancel the search: the stage moves back; and disconnect from the viewer."""
        job, self.job = self.job, None
        abandon(job)
        self._listen(False)

    def _lay_out(self) -> None:
        form = QFormLayout(self.part)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("where", self.where)
        form.addRow("side", self.side)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        layout.addWidget(section("More options", self.more))
        for widget in (self.part, self.draw, self.point, self.controls, self.chart):
            layout.addWidget(widget)

    def _connect(self) -> None:
        self.controls.clicked.connect(self._on_button)
        self.draw.clicked.connect(self._on_draw)
        self.point.toggled.connect(self._listen)
        self._microscope.activityChanged.connect(self._on_activity)
        self._microscope.changed.connect(lambda: self._on_activity(self._microscope.activity))

    def _start(self, config: AutofocusConfig, region: FocusRegion | None) -> None:
        self._curve, self.result = FocusCurve(), None
        self.chart.setValue(self._curve)
        core, stage = self._microscope.core, self._microscope.devices.focus
        start = partial(iter_autofocus, core, config, focus_device=stage or None, region=region)
        # Every event: each is a point of the curve.
        self.job = Job(start, report=self._report, every_event=True)
        self.job.yielded.connect(self._on_event)
        self.job.returned.connect(self._on_result)
        self.job.failed.connect(self._on_failed)
        self.job.ended.connect(self._on_end)
        self.controls.follow(self.job)
        self._status = ""
        self.job.start()

    def _report(self, event: Any) -> Progress | None:
        if isinstance(event, AutofocusStarted):
            self._most_frames = event.most_frames
        if isinstance(event, FocusMeasured):
            share = min(1.0, event.frames / self._most_frames)
            return Progress(share, f"picture {event.frames}, {event.height_um:.2f} µm")
        return None

    def _on_event(self, event: Any) -> None:
        if isinstance(event, FocusMeasured):
            curve = self._curve
            heights, values = (*curve.heights_um, event.height_um), (*curve.values, event.value)
            self._curve = FocusCurve(heights, values)
            self.chart.setValue(self._curve)

    def _on_result(self, result: AutofocusResult) -> None:
        self.result = result
        curve = self._curve = FocusCurve(
            result.heights_um, result.values, result.height_um, result.uncertainty_um
        )
        self.chart.setValue(curve)
        found = (
            f"In focus at {result.height_um:.3f} ± {result.uncertainty_um:.3f} µm "
            f"({result.frames} pictures, {format_duration(result.seconds)})."
        )
        self._status = " ".join((found, *result.notes))

    def _on_failed(self, error: Exception) -> None:
        self._status = sentence_of(error)
        if isinstance(error, AutofocusError) and error.heights_um:
            self.chart.setValue(FocusCurve(error.heights_um, error.values))
        tell_unexpected(error)

    def _on_end(self) -> None:
        was_cancelled = self.job is not None and self.job.was_cancelled
        self.job = None
        if was_cancelled and self.result is None:
            self._status = "Cancelled. The stage is where it was."
        self.controls.show_idle(self._status)
        shows_focus = self.result is not None and not self._turns.resumes_live
        self._microscope.end(AUTOFOCUS)
        if shows_focus:
            self._camera.take()

    def _on_button(self, name: str) -> None:
        if name == "start":
            self.start()
        elif self.job is not None:
            self.controls.show_message("cancelling …")
            self.job.cancel()

    def _on_activity(self, activity: str) -> None:
        devices = self._microscope.devices
        is_able = self._microscope.is_connected and bool(devices.camera and devices.stages)
        is_free = is_able and activity in ("", LIVE)
        self.controls.buttons["start"].setEnabled(is_free)
        for widget in (self.form, self.more, self.part, self.draw, self.point):
            widget.setEnabled(is_free)

    def _picture_layer(self) -> Any:
        layer = self._camera.picture.layer
        if layer is None:
            raise LiveError("there is no picture to choose a part of. Press Snap or Live first.")
        return layer

    def _rectangle(self) -> FocusRegion:
        """Return the rectangle that the user has drawn, in pixels of the camera."""
        picture = self._picture_layer()
        drawn = [layer for layer in self._viewer.layers if isinstance(layer, Shapes) and layer.data]
        active = self._viewer.layers.selection.active
        if not drawn:
            raise LiveError("there is no rectangle. Press Draw rectangle, and draw one.")
        shapes = active if active in drawn else drawn[-1]
        number = max(shapes.selected_data, default=len(shapes.data) - 1)
        corners = points_in(picture, shapes, shapes.data[number])
        return FocusRegion.spanning(corners, picture.data.shape)

    def _on_draw(self) -> None:
        self.where.setCurrentText(RECTANGLE)
        known = [layer for layer in self._viewer.layers if layer.name == REGION_LAYER]
        layer = known[0] if known else self._new_region_layer()
        self._viewer.layers.selection.active = layer
        layer.mode = "add_rectangle"

    def _new_region_layer(self) -> Any:
        return self._viewer.add_shapes(
            name=REGION_LAYER, edge_color="yellow", face_color="transparent", ndim=2
        )

    def _listen(self, on: bool) -> None:
        callbacks = self._viewer.mouse_drag_callbacks
        if self._on_click in callbacks:
            callbacks.remove(self._on_click)
        if on:
            callbacks.append(self._on_click)

    def _on_click(self, viewer: Any, event: Any) -> Any:
        """Focus on a point; dragging moves the picture as usual."""
        yield
        if event.type == "mouse_move":
            return
        try:
            layer = self._picture_layer()
            row, column = layer.world_to_data(np.asarray(event.position)[-2:])[:2]
            region = FocusRegion.around(row, column, self.side.value(), layer.data.shape)
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
            return
        self.point.setChecked(False)
        self.start(region)
