"""Sweep: which planes, and what is made of them while they are taken."""

import math
from functools import partial
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_umis_fusion.config import FusionConfig
from napari_umis_fusion.errors import ConfigError, UmisFusionError
from napari_umis_fusion.live import KeepConfig, SweepPlan, estimate_run, iter_acquire
from napari_umis_fusion.plugin.acquire._choice_names import CHOICE_NAMES
from napari_umis_fusion.plugin.acquire._field_layers import MOST_FIELDS, FieldLayers
from napari_umis_fusion.plugin.acquire._fusion_job import FusionJob
from napari_umis_fusion.plugin.acquire._keep_form import KeepForm
from napari_umis_fusion.plugin.acquire._microscope import LIVE, SWEEP, Microscope
from napari_umis_fusion.plugin.acquire._plan_choice import PlanChoice
from napari_umis_fusion.plugin.acquire._stage_section import StageSection
from napari_umis_fusion.plugin.acquire._turns import Turns
from napari_umis_fusion.plugin.widgets import (
    FUSION_NAMES,
    ConfigForm,
    Message,
    RunControls,
    abandon,
    section,
    tell_unexpected,
)
from napari_umis_fusion.runtime import capitalised, count_noun, sentence_of

IDLE = {"start": ("Sweep and fuse", "Take the planes, and fuse them while they are taken.")}
RUNNING = {
    "pause": ("Pause", "Pause after the plane that is being taken."),
    "stop": (
        "Stop",
        "Stop after this plane, and fuse what was taken. Pressed again, stop at once.",
    ),
}
FUSION = ("focus_measure", "blend", "verification", "align")


class SweepJob(FusionJob):
    """A sweep; pausing it pauses the microscope, while fusion catches up."""

    def __init__(self, core: Any, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._core = core
        self._is_paused = False

    @property
    def is_paused(self) -> bool:
        """Whether the microscope pauses, or will after this plane."""
        return self._is_paused

    def toggle_pause(self) -> None:
        """Pause the microscope, or let it resume."""
        self._is_paused = not self._is_paused
        self._core.mda.set_paused(self._is_paused)


class SweepSection(QWidget):
    """Takes stacks, fuses them, and keeps them.

    Parameters
    ----------
    viewer : napari viewer
        Viewer that shows the results.
    microscope : Microscope
        The microscope.
    stage : StageSection
        Knows where top and bottom are.
    turns : Turns
        Who may use the microscope.

    Signals
    -------
    collected(str)
        The user wants to train on the stacks in this folder.
    """

    collected = Signal(str)

    def __init__(
        self, viewer: Any, microscope: Microscope, stage: StageSection, turns: Turns
    ) -> None:
        super().__init__()
        self._viewer, self._microscope = viewer, microscope
        self._stage, self._turns = stage, turns
        self.job: SweepJob | None = None
        self._number, self._status = 0, ""
        self._is_stopping = False
        self._folder: Any = None
        self.plan = ConfigForm(SweepPlan(), hides_unused=True, choice_names=CHOICE_NAMES)
        self.top, self.bottom = QPushButton("Set top here"), QPushButton("Set bottom here")
        self.top.setToolTip("Sweep up to the present height of the stage.")
        self.bottom.setToolTip("Sweep from the present height of the stage.")
        self.repeat = PlanChoice(microscope)
        self.fusion = ConfigForm(FusionConfig(), FUSION, choice_names=FUSION_NAMES)
        self.keep = KeepForm()
        self.estimate = Message()
        self.controls = RunControls(IDLE, RUNNING)
        self._lay_out()
        self._connect()
        self._on_activity("")

    def start(self) -> None:
        """Take the planes; a message says why if it cannot start."""
        try:
            plan, keep = self.plan.value(), self.keep.value()
            config: FusionConfig = self.fusion.value()
            self._check(plan, keep)
        except UmisFusionError as error:
            self.controls.show_message(sentence_of(error))
            return
        self._turns.take(SWEEP, lambda: self._start(plan, config, keep))

    def stop(self) -> None:
        """Stop after this plane, and fuse what was taken; pressed again, stop at once."""
        if self.job is None:
            return
        if self._is_stopping:
            self.job.cancel()
        self._is_stopping = True
        self.controls.show_message("stopping …")
        self._microscope.core.mda.cancel()

    def release(self) -> None:
        """End a sweep: files are closed, and the microscope is left in a known state."""
        job, self.job = self.job, None
        abandon(job)

    def _lay_out(self) -> None:
        ends = QHBoxLayout()
        ends.addWidget(self.top)
        ends.addWidget(self.bottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plan)
        layout.addLayout(ends)
        self.sections = {
            "Repeat": section("Positions, channels, time points", self.repeat),
            "Fusion": section("Fusion", self.fusion),
            "Keep": section("Keep", self.keep),
        }
        for part in self.sections.values():
            layout.addWidget(part)
        layout.addWidget(self.estimate)
        layout.addWidget(self.controls)

    def _connect(self) -> None:
        self.top.clicked.connect(lambda: self._on_end_set("top_um"))
        self.bottom.clicked.connect(lambda: self._on_end_set("bottom_um"))
        self.plan.valueChanged.connect(self._show_estimate)
        self.repeat.valueChanged.connect(self._show_estimate)
        self.repeat.told.connect(self.controls.show_message)
        self.keep.train.clicked.connect(self._on_train)
        self.controls.clicked.connect(self._on_button)
        self._microscope.changed.connect(self._on_changed)
        self._microscope.activityChanged.connect(self._on_activity)

    def _check(self, plan: SweepPlan, keep: KeepConfig | None) -> None:
        """Refuse what would be lost: more results than there are layers for, and no file."""
        if not self._microscope.is_connected:
            return
        sequences = plan.sequences(self._stage.height_um or 0.0, self.repeat.value())
        stacks = sum(_stacks_in(sequence) for sequence in sequences)
        if keep is None and stacks > MOST_FIELDS:
            raise ConfigError(
                f"this plan takes {stacks} stacks, but layers are made for {MOST_FIELDS} at most. "
                "Tick 'keep what is taken', so that all results are in files."
            )

    def _start(self, plan: SweepPlan, config: FusionConfig, keep: KeepConfig | None) -> None:
        self._number += 1
        self._status, self._is_stopping = "", False
        core = self._microscope.core
        start = partial(iter_acquire, core, plan, config, base=self.repeat.value(), keep=keep)
        layers = FieldLayers(self._viewer, f"sweep {self._number}")
        self.job = SweepJob(core, start, layers)
        self.job.failed.connect(self._on_failed)
        self.job.ended.connect(self._on_job_ended)
        self.controls.follow(self.job)
        self.job.start()

    def _on_failed(self, error: Exception) -> None:
        self._status = sentence_of(error)
        tell_unexpected(error)

    def _on_job_ended(self) -> None:
        job, self.job = self.job, None
        if job is not None:
            self.controls.show_idle(self._status or _done_text(job))
            self._folder = job.folder if job.files else None
            keep = self.keep.form.value()
            self.keep.train.setEnabled(self._folder is not None and keep.collect)
        self._microscope.end(SWEEP)

    def _on_button(self, name: str) -> None:
        if name == "start":
            self.start()
        else:
            self.stop()

    def _on_train(self) -> None:
        if self._folder is not None:
            self.collected.emit(str(self._folder))

    def _on_end_set(self, name: str) -> None:
        height_um = self._stage.height_um
        if height_um is None:
            return
        values = {"range_by": "top_bottom", name: repr(height_um)}
        top, bottom = (float(self.plan[one].value) for one in ("top_um", "bottom_um"))
        if name == "top_um" and height_um < bottom:
            values["bottom_um"] = repr(height_um)
        if name == "bottom_um" and height_um > top:
            values["top_um"] = repr(height_um)
        self.plan.set_row_values(values)

    def _on_changed(self) -> None:
        self._on_activity(self._microscope.activity)
        self._show_estimate()

    def _on_activity(self, activity: str) -> None:
        is_able = self._microscope.is_connected and bool(self._microscope.devices.camera)
        is_free = is_able and activity in ("", LIVE)
        self.controls.buttons["start"].setEnabled(is_free)
        for widget in (self.plan, self.repeat, self.fusion, self.keep, self.top, self.bottom):
            widget.setEnabled(is_free)

    def _show_estimate(self) -> None:
        """Say how many planes it will be, and how long it will take."""
        core = self._microscope.core
        if core is None:
            return
        try:
            plan = self.plan.value()
        except UmisFusionError as error:
            self.estimate.setText(sentence_of(error))
            return
        height_um, base = self._stage.height_um or 0.0, self.repeat.value()

        def estimated() -> str:
            frame = core.getImageWidth() * core.getImageHeight() * core.getBytesPerPixel()
            runs = plan.sequences(height_um, base)
            exposure_ms = core.getExposure()
            return str(
                estimate_run(
                    runs, exposure_ms=exposure_ms, settle_ms=plan.settle_ms, frame_bytes=frame
                )
            )

        self._microscope.ask(estimated, self.estimate.setText, key="estimate")


def _stacks_in(sequence: Any) -> int:
    """Return the number of stacks of a run, from its axes: the events may be many."""
    return math.prod(size for axis, size in sequence.sizes.items() if axis != "z" and size)


def _done_text(job: FusionJob) -> str:
    """Return how a sweep ended."""
    stacks = count_noun(job.fused, "stack")
    kept = "" if job.folder is None else f" Kept in {job.folder}."
    notes = "".join(f" {capitalised(note)}." for note in dict.fromkeys(job.notes))
    if job.was_cancelled:
        return f"Stopped at once; {stacks} fused.{kept}{notes}"
    return f"Done: {stacks} fused.{kept}{notes}"
